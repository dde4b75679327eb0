import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestImages, testImages } from '../../support/aws/image-registry.ts';
import { REPOSITORIES_MAX } from '../../../store/accounts/repositories.ts';
import { openWorld, type World } from '../accounts/world.ts';

let images: TestImages;
let world: World;
beforeAll(async () => {
  images = await testImages();
  world = await openWorld({ images: images.registry });
});
afterAll(async () => {
  await world.close();
  images.close();
  expect(images.refused).toEqual([]);
});

const inEcr = (tenant: string) => [...images.service.repositories.keys()].filter((name) => name.includes(`/${tenant}/`));

test.each(['POST', 'PATCH'] as const)(
  'an organisation that is deleted while a repository is made or changed leaves none behind (%s)',
  async (method) => {
    const { token: as, tenant } = await world.person();
    const name = (await world.expectStatus(200, 'GET', '/v1/me', { as })).json.organisation.name as string;
    if (method === 'PATCH') await world.expectStatus(201, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    const verb = method === 'POST' ? 'create' : 'configure';
    const whole = images.registry[verb].bind(images.registry) as (...args: unknown[]) => Promise<void>;
    images.registry[verb] = async (...args: unknown[]) => {
      if (method === 'PATCH') await whole(...args);
      await world.expectStatus(204, 'DELETE', '/v1/organisation', { as, body: { confirm: name } });
      if (method === 'POST') await whole(...args);
    };
    const [path, body] =
      method === 'POST' ? ['/v1/repositories', { name: 'web' }] : ['/v1/repositories/web', { immutableTags: true }];
    await world.expectStatus(404, method, path, { as, body });
    images.registry[verb] = whole;
    expect(inEcr(tenant)).toEqual([]);
    const { Items } = await world.client.send(new ScanCommand({ TableName: 'tenant', ConsistentRead: true }));
    expect((Items ?? []).filter(({ pk }) => pk?.S?.startsWith(tenant))).toEqual([]);
  },
);

describe("an organisation's repositories", () => {
  test('are made, listed, changed and deleted, each change with its record', async () => {
    const { token: as, tenant } = await world.person();
    const made = await world.expectStatus(201, 'POST', '/v1/repositories', { as, body: { name: 'web', immutableTags: true } });
    const prefix = images.registry.prefix(tenant);
    expect(made.json).toMatchObject({ name: 'web', image: `${prefix}web`, immutableTags: true, retention: { untaggedDays: 14 } });
    const body = { immutableTags: false, retention: { keepLast: 5 } };
    expect((await world.expectStatus(200, 'PATCH', '/v1/repositories/web', { as, body })).json).toMatchObject(body);
    const list = await world.expectStatus(200, 'GET', '/v1/repositories', { as });
    expect(list.json).toMatchObject({ prefix, repositories: [{ name: 'web', ...body }] });
    expect(list.json.repositories[0].retention).toEqual({ keepLast: 5 });
    await world.expectStatus(409, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    await world.expectStatus(204, 'DELETE', '/v1/repositories/web', { as });
    await world.expectStatus(404, 'DELETE', '/v1/repositories/web', { as });
    expect(inEcr(tenant)).toEqual([]);
    const { json } = await world.expectStatus(200, 'GET', '/v1/audit', { as });
    const actions = (json.records as { action: string }[])
      .map(({ action }) => action)
      .filter((action) => action.startsWith('repo'));
    expect(actions).toEqual(['repository.delete', 'repository.change', 'repository.create']);
  });

  test.each([
    { name: '' },
    { name: 'Web' },
    { name: 'a/b' },
    { name: '../x' },
    { name: 'x'.repeat(101) },
    { name: 'a\nb' },
    {},
    { name: 'web', retention: { keepLast: 0 } },
    { name: 'web', retention: { forever: true } },
    { name: 'web', extra: 1 },
  ])('are not made from %j', async (body) => {
    const { token: as, tenant } = await world.person();
    await world.expectStatus(400, 'POST', '/v1/repositories', { as, body });
    expect(inEcr(tenant)).toEqual([]);
  });

  test('show their images, lose them, and tell what a scan found', async () => {
    const { token: as, tenant } = await world.person();
    await world.expectStatus(201, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    const digest = `sha256:${'a'.repeat(64)}`;
    const findings = [{ name: 'CVE-1', severity: 'HIGH' }];
    images.service.repositories.get(inEcr(tenant)[0]!)!.images.push({ digest, tags: ['v1'], size: 5, findings });
    expect((await world.expectStatus(200, 'GET', '/v1/repositories/web/images', { as })).json.images).toMatchObject([
      { digest, tags: ['v1'], sizeBytes: 5 },
    ]);
    expect(await world.accounts.usage(tenant)).toMatchObject({ imageBytes: 5, repositories: { used: 1, limit: 100 } });
    const scan = await world.expectStatus(200, 'GET', '/v1/repositories/web/images/v1/scan', { as });
    expect(scan.json).toMatchObject({ status: 'complete', counts: { high: 1 } });
    await world.expectStatus(409, 'DELETE', '/v1/repositories/web', { as });
    await world.expectStatus(404, 'DELETE', '/v1/repositories/web/images/v2', { as });
    await world.expectStatus(404, 'GET', `/v1/repositories/web/images/${encodeURIComponent('a b')}/scan`, { as });
    await world.expectStatus(204, 'DELETE', `/v1/repositories/web/images/${digest}`, { as });
    await world.expectStatus(204, 'DELETE', '/v1/repositories/web', { as });
  });

  test('are no more than the plan allows, however many are made at once', async () => {
    const { token: as, tenant } = await world.person();
    const make = (n: number) => world.call('POST', '/v1/repositories', { as, body: { name: `r${n}` } });
    for (let n = 0; n < REPOSITORIES_MAX - 2; n += 14) await Promise.all(Array.from({ length: 14 }, (_, i) => make(n + i)));
    const statuses = (await Promise.all(Array.from({ length: 6 }, (_, n) => make(1_000 + n)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(2);
    expect(statuses.filter((status) => status === 403)).toHaveLength(4);
    expect(inEcr(tenant)).toHaveLength(REPOSITORIES_MAX);
    await world.expectStatus(204, 'DELETE', '/v1/repositories/r0', { as });
    expect((await make(2_000)).status).toBe(201);
  });

  test('whose making was cut short can be made again', async () => {
    const { token: as, tenant } = await world.person();
    images.service.throttle = 100;
    await world.expectStatus(503, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    images.service.throttle = 0;
    expect((await world.expectStatus(200, 'GET', '/v1/repositories', { as })).json.repositories).toEqual([]);
    await world.expectStatus(201, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    expect(inEcr(tenant)).toHaveLength(1);
  });

  test('go with the organisation, images and all', async () => {
    const { token: as, tenant } = await world.person();
    await world.expectStatus(201, 'POST', '/v1/repositories', { as, body: { name: 'web' } });
    images.service.repositories.get(inEcr(tenant)[0]!)!.images.push({ digest: 'sha256:x', tags: [], size: 1 });
    const { name } = (await world.expectStatus(200, 'GET', '/v1/me', { as })).json.organisation;
    await world.expectStatus(204, 'DELETE', '/v1/organisation', { as, body: { confirm: name } });
    expect(inEcr(tenant)).toEqual([]);
  });
});

test('credentials are given once, are not kept by caches, and their giving is recorded without them', async () => {
  const { token: as, tenant } = await world.person();
  const answer = await world.expectStatus(201, 'POST', '/v1/repositories/credentials', { as, body: { access: 'push' } });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.json).toMatchObject({ username: 'AWS', prefix: images.registry.prefix(tenant) });
  const audit = await world.expectStatus(200, 'GET', '/v1/audit', { as });
  expect(audit.text).toContain('image.credentials');
  expect(audit.text).not.toContain(answer.json.password);
  await world.expectStatus(400, 'POST', '/v1/repositories/credentials', { as, body: { access: 'everything' } });
});

test('a control plane without a registry says so, and what to do', async () => {
  const without = await openWorld();
  const { token: as } = await without.person();
  for (const [method, path, body] of [
    ['GET', '/v1/repositories', undefined],
    ['POST', '/v1/repositories', { name: 'web' }],
    ['POST', '/v1/repositories/credentials', {}],
    ['GET', '/v1/repositories/web/images', undefined],
  ] as const) {
    const answer = await without.expectStatus(501, method, path, { as, body });
    expect(answer.json.error).toMatchObject({ code: 'image_registry_absent', fix: expect.stringContaining('imagePullSecrets') });
  }
  await without.close();
});
