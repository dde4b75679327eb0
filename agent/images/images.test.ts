import { describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment } from '../../core/node/assignment.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import type { Secret } from '../../core/resources/schema/secret.ts';
import { configSource } from '../assignment-state.ts';
import type { Engine } from '../docker/engine.ts';
import { DockerError } from '../docker/errors.ts';
import { NOW, pod } from '../testing/pods.ts';
import { imageCollector } from './image-gc.ts';
import { imageStore } from './image-store.ts';
import { registryAuth, registryOf } from './registry-auth.ts';

test.each([
  ['nginx', 'docker.io'],
  ['library/nginx:1', 'docker.io'],
  ['quay.io/team/app', 'quay.io'],
  ['localhost/app', 'localhost'],
  ['registry:5000/app', 'registry:5000'],
])('%s is pulled from %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

describe('credentials', () => {
  const secret = (config: unknown): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull', namespace: 'default', uid: '', resourceVersion: '', creationTimestamp: '' },
    data: { '.dockerconfigjson': Buffer.from(typeof config === 'string' ? config : JSON.stringify(config)).toString('base64') },
  });
  const headerFor = (image: string, config: unknown) => {
    const of = pod('web', { imagePullSecrets: [{ name: 'gone' }, { name: 'pull' }] });
    const header = registryAuth(of, image, {
      configMap: () => undefined,
      secret: (_, name) => (name === 'pull' ? secret(config) : undefined),
    });
    return header === undefined ? undefined : (JSON.parse(Buffer.from(header, 'base64url').toString()) as unknown);
  };

  test('are those of the registry, whole or as one word', () => {
    const auths = {
      'https://quay.io/v2/': { username: 'me', password: 'p' },
      'registry:5000': { auth: Buffer.from('you:a:b').toString('base64') },
    };
    expect(headerFor('quay.io/x', { auths })).toEqual({ username: 'me', password: 'p', serveraddress: 'quay.io' });
    expect(headerFor('registry:5000/x', { auths })).toMatchObject({ username: 'you', password: 'a:b' });
    expect(headerFor('other.io/x', { auths })).toBeUndefined();
  });
  test("Docker Hub's old name is the same", () => {
    expect(headerFor('nginx', { auths: { 'https://index.docker.io/v1/': { username: 'me' } } })).toMatchObject({
      username: 'me',
    });
  });
  test("of the organisation's own registry come with the assignment, after those that the pod names", () => {
    const assignment = {
      registries: [{ prefix: 'ecr.example/acme/', username: 'AWS', password: 'vended', expiresAt: 1 }],
    } as unknown as Assignment;
    const of = (image: string, pullSecrets: object = {}) => {
      const header = registryAuth(pod('web', pullSecrets), image, {
        ...configSource(() => assignment),
        secret: () => secret({ auths: { 'ecr.example': { username: 'mine', password: 'p' } } }),
      });
      return header && (JSON.parse(Buffer.from(header, 'base64url').toString()) as unknown);
    };
    expect(of('ecr.example/acme/web:1')).toEqual({ username: 'AWS', password: 'vended', serveraddress: 'ecr.example' });
    expect(of('ecr.example/acme2/web:1')).toBeUndefined();
    expect(of('ecr.example/acme/web:1', { imagePullSecrets: [{ name: 'pull' }] })).toMatchObject({ username: 'mine' });
  });
  test('that can not be read are none', () => {
    expect(headerFor('quay.io/x', 'not json')).toBeUndefined();
  });
});

test('one image is pulled once for all that wait; who gives up does not end it for the others', async () => {
  let pulls = 0;
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const engine = {
    pullImage: async () => {
      pulls++;
      await arrived;
    },
    inspectImage: async () => ({ Id: 'sha256:1', Size: 5 }),
  } as unknown as Engine;
  const pulled: string[] = [];
  const store = imageStore(engine, ({ image }) => pulled.push(image));
  const leaver = new AbortController();
  const left = store.pull('app:1', undefined, leaver.signal);
  const stays = store.pull('app:1', undefined, new AbortController().signal);
  leaver.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  arrive();
  await stays;
  expect([pulls, pulled]).toEqual([1, ['app:1']]);
});

describe('images to make room', () => {
  async function collectorWith(removed: string[], used: () => number, now: () => number) {
    const directory = await mkdtemp(join(tmpdir(), 'trn-images-'));
    const removeImage = async (image: string) => {
      if (image === 'busy:1') throw new DockerError(409, 'in use');
      removed.push(image);
    };
    const engine = { removeImage } as unknown as Engine;
    const open = () =>
      imageCollector({ engine, file: join(directory, 'images.json'), now, log: silentLogger, diskUsed: async () => used() });
    // What was pulled last may still be on its way to the disk.
    return {
      collector: await open(),
      reopen: open,
      done: () => rm(directory, { recursive: true, maxRetries: 10, retryDelay: 20 }),
    };
  }

  test('are those that were pulled here and are in no use, longest unused first, until there is enough', async () => {
    const removed: string[] = [];
    let now = NOW;
    const { collector, done } = await collectorWith(
      removed,
      () => (removed.length < 2 ? 0.9 : 0.7),
      () => now,
    );
    for (const image of ['old:1', 'busy:1', 'older:1', 'kept:1', 'newer:1']) {
      collector.pulled({ image, id: image, sizeBytes: 1 });
      now += 1000;
    }
    now += 600_000;
    await collector.collect('/', new Set(['kept:1']));
    expect(removed).toEqual(['old:1', 'older:1']);
    await done();
  });

  test('are none while there is room', async () => {
    const removed: string[] = [];
    let now = NOW;
    const { collector, done } = await collectorWith(
      removed,
      () => 0.5,
      () => now,
    );
    collector.pulled({ image: 'old:1', id: 'x', sizeBytes: 1 });
    now += 600_000;
    await collector.collect('/', new Set());
    expect(removed).toEqual([]);
    await done();
  });
});
