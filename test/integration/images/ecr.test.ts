import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ImageRegistry } from '../../../core/ports/image-registry.ts';
import type { Ecr } from '../../support/aws/ecr.ts';
import { IMAGE_HOST as HOST, type TestImages, testImages } from '../../support/aws/image-registry.ts';

const HOUR = 3_600_000;
const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;

let images: TestImages;
let service: Ecr;
let registry: ImageRegistry;
const clock = { at: Date.now(), now: () => clock.at };

beforeEach(async () => {
  images = await testImages(clock);
  ({ registry, service } = images);
});
afterEach(() => {
  images.close();
  expect(images.refused).toEqual([]);
});
const stored = (name: string) => service.repositories.get(`terrane-test/${name}`)!;

describe('a repository in ECR', () => {
  test("is made below the organisation's prefix, with its settings, and making it again changes nothing", async () => {
    await registry.create('t1', 'web', { immutableTags: true, retention: { untaggedDays: 14, keepLast: 50 } });
    await registry.create('t1', 'web', {});
    expect([...service.repositories.keys()]).toEqual(['terrane-test/t1/web']);
    expect(registry.prefix('t1')).toBe(`${HOST}/terrane-test/t1/`);
    expect(stored('t1/web')).toMatchObject({ immutable: true, tags: { 'terrane:tenant': 't1' } });
    const { rules } = JSON.parse(stored('t1/web').policy!) as { rules: { selection: object }[] };
    expect(rules.map(({ selection }) => selection)).toEqual([
      { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 50 },
    ]);
  });

  test('can be changed afterwards: tags that move or stay, images that go by themselves or not', async () => {
    await registry.create('t1', 'web', {});
    await registry.configure('t1', 'web', { immutableTags: true, retention: { keepLast: 3 } });
    expect(stored('t1/web')).toMatchObject({ immutable: true, policy: expect.stringContaining('imageCountMoreThan') });
    await registry.configure('t1', 'web', { retention: {} });
    await registry.configure('t1', 'web', { retention: {} });
    expect(stored('t1/web').policy).toBeUndefined();
  });

  test('with images goes only if that is meant, and going twice is going', async () => {
    await registry.create('t1', 'web', {});
    stored('t1/web').images.push({ digest: digest(1), tags: ['v1'], size: 1 });
    await expect(registry.delete('t1', 'web', false)).rejects.toMatchObject({ code: 'repository_not_empty' });
    await registry.delete('t1', 'web', true);
    await registry.delete('t1', 'web', true);
    expect(service.repositories.size).toBe(0);
  });

  test('lists its images page by page', async () => {
    await registry.create('t1', 'web', {});
    for (let n = 0; n < 250; n++) stored('t1/web').images.push({ digest: digest(n), tags: n === 0 ? ['v1'] : [], size: n });
    const all: string[] = [];
    let next: string | undefined;
    do {
      const page = await registry.images('t1', 'web', { limit: 100, ...(next && { next }) });
      all.push(...page.images.map((image) => image.digest));
      ({ next } = page);
    } while (next);
    expect(all).toEqual(Array.from({ length: 250 }, (_, n) => digest(n)));
    expect((await registry.images('t1', 'web', { limit: 1 })).images).toEqual([
      { digest: digest(0), tags: ['v1'], sizeBytes: 0, pushedAt: 1_700_000_000_000 },
    ]);
    const wrong = registry.images('t1', 'web', { limit: 100, next: 'made up' });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('loses a tag, or an image with all its tags', async () => {
    await registry.create('t1', 'web', {});
    stored('t1/web').images.push({ digest: digest(1), tags: ['v1', 'latest'], size: 1 });
    expect(await registry.deleteImage('t1', 'web', 'latest')).toBe(true);
    expect(stored('t1/web').images[0]!.tags).toEqual(['v1']);
    expect(await registry.deleteImage('t1', 'web', digest(1))).toBe(true);
    expect(await registry.deleteImage('t1', 'web', digest(1))).toBe(false);
  });

  test('tells all that a scan found, the worst first, and that there was none', async () => {
    await registry.create('t1', 'web', {});
    const findings = Array.from({ length: 230 }, (_, n) => ({ name: `CVE-${n}`, severity: n === 200 ? 'CRITICAL' : 'LOW' }));
    stored('t1/web').images.push(
      { digest: digest(1), tags: ['v1'], size: 1, findings },
      { digest: digest(2), tags: ['v2'], size: 1 },
    );
    const report = await registry.scan('t1', 'web', 'v1');
    expect(report).toMatchObject({ status: 'complete', counts: { critical: 1, low: 229 } });
    expect(report.findings).toHaveLength(230);
    expect(report.findings[0]).toEqual({ name: 'CVE-200', severity: 'critical' });
    expect(await registry.scan('t1', 'web', digest(2))).toEqual({ status: 'none', counts: {}, findings: [] });
    await expect(registry.scan('t1', 'web', 'v3')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('that is not there is said so', async () => {
    const missing = expect.objectContaining({ code: 'repository_not_found' });
    await expect(registry.images('t1', 'web', { limit: 1 })).rejects.toEqual(missing);
    await expect(registry.configure('t1', 'web', { immutableTags: true })).rejects.toEqual(missing);
  });
});

describe('credentials', () => {
  test("reach the organisation's own images and no others, to pull or also to push", async () => {
    const pull = await registry.credentials('t1', 'pull');
    expect(pull).toMatchObject({ registry: HOST, username: 'AWS', expiresAt: clock.at + 12 * HOUR });
    const allowed = (action: string, name: string, { password } = pull) => service.allows(password, `ecr:${action}`, name);
    expect(allowed('BatchGetImage', 'terrane-test/t1/web')).toBe(true);
    for (const name of ['terrane-test/t2/web', 'terrane-test/t10/web', 'terrane-other/t1/web'])
      expect(allowed('BatchGetImage', name)).toBe(false);
    expect(allowed('PutImage', 'terrane-test/t1/web')).toBe(false);
    const push = await registry.credentials('t1', 'push');
    expect(allowed('PutImage', 'terrane-test/t1/web', push)).toBe(true);
    expect(allowed('PutImage', 'terrane-test/t2/web', push)).toBe(false);
    for (const action of ['DeleteRepository', 'BatchDeleteImage', 'SetRepositoryPolicy'])
      expect(allowed(action, 'terrane-test/t1/web', push)).toBe(false);
  });

  test('are vended once for all who ask, and anew when half of their time is over', async () => {
    const tokens = () => service.calls.filter((action) => action === 'GetAuthorizationToken').length;
    const [first, second] = await Promise.all([registry.credentials('t1', 'pull'), registry.credentials('t1', 'pull')]);
    expect(first).toEqual(second);
    clock.at += 5 * HOUR;
    expect(await registry.credentials('t1', 'pull')).toEqual(first);
    expect(tokens()).toBe(1);
    clock.at += HOUR;
    expect((await registry.credentials('t1', 'pull')).expiresAt).toBeGreaterThan(first.expiresAt);
    await registry.credentials('t2', 'pull');
    expect(tokens()).toBe(3);
  });
});

describe('ECR that throttles', () => {
  test('is asked again, with patience', async () => {
    service.throttle = 2;
    await registry.create('t1', 'web', {});
    expect(service.calls.filter((action) => action === 'CreateRepository')).toHaveLength(3);
  });

  test('for too long is trouble that passes, told without details', async () => {
    service.throttle = 100;
    const error: unknown = await registry.create('t1', 'web', {}).catch((caught: unknown) => caught);
    service.throttle = 0;
    expect(error).toMatchObject({ code: 'image_registry_unavailable', status: 503, retryAfter: 5 });
    expect((error as Error).message).not.toMatch(/Rate|ecr/i);
  });
});
