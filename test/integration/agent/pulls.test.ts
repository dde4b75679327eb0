import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageCollector } from '../../../agent/images/image-gc.ts';
import { imageExists } from '../../../agent/images/image-store.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { Secret } from '../../../core/resources/schema/secret.ts';
import { busyboxFiles, importImage } from '../../support/images.ts';
import { podOf } from './fake-control-plane.ts';
import { useHarness } from './harness.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

jest.setTimeout(120_000);
const host = useHarness();
let registry: TestRegistry;

beforeEach(async () => {
  registry = await startRegistry(busyboxFiles(), { user: 'robot', password: 's3cret' });
});
afterEach(() => registry.stop());

const pod = (imagePullPolicy: 'Always' | 'IfNotPresent', secrets: string[] = ['registry']) =>
  podOf('app', {
    containers: [{ name: 'main', image: registry.image, imagePullPolicy, command: ['sleep', '1000'] }],
    imagePullSecrets: secrets.map((name) => ({ name })),
  });
const secret = (): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/dockerconfigjson',
  metadata: { name: 'registry', namespace: 'default', uid: 'r', resourceVersion: '1', creationTimestamp: '' },
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('robot:s3cret').toString('base64') } } }),
    ).toString('base64'),
  },
});

describe('an image in a registry', () => {
  test('is pulled with the credentials of the pod, once, and remembered as pulled here', async () => {
    host.plane.assign({ pods: [pod('IfNotPresent')], secrets: [secret()] });
    await host.ready('app');
    expect(registry.pulls).toBe(1);
    expect(await host.event('Pulled')).toContain(`Successfully pulled image "${registry.image}"`);
    await host.engine.killContainer(host.id('app'));
    await host.plane.until('restarted', () => host.container('app')?.restartCount === 1 && host.container('app')?.ready);
    expect(registry.pulls).toBe(1);
    expect(readFileSync(join(host.data, 'images.json'), 'utf8')).toContain(registry.image);
  });

  test('is refused without credentials, in the words of the registry', async () => {
    host.plane.assign({ pods: [pod('IfNotPresent', [])] });
    const waiting = await host.plane.until('refused', () => {
      const state = host.container('app')?.state.waiting;
      return state?.reason === 'ErrImagePull' ? state : undefined;
    });
    expect(waiting.message).toContain('no basic auth credentials');
  });

  test('is pulled at each start with Always; when the registry is gone, what runs here is restarted all the same', async () => {
    host.plane.assign({ pods: [pod('Always')], secrets: [secret()] });
    await host.ready('app');
    await host.engine.killContainer(host.id('app'));
    await host.plane.until('restarted', () => host.container('app')?.restartCount === 1 && host.container('app')?.ready);
    expect(registry.pulls).toBe(2);
    expect(
      host.plane.reports.flatMap(({ events }) => events).filter(({ reason }) => reason === 'Pulling').length,
    ).toBeGreaterThan(1);
    await registry.stop();
    await host.agent.stop();
    // Without its back-off, which the test has not the time for.
    await host.engine.killContainer(host.id('app'));
    host.startAgent();
    await host.plane.until('restarted again', () => host.container('app')?.restartCount === 2 && host.container('app')?.ready);
    expect(await host.event('PullFailed')).toContain('Restarting with the image that is on this host');
  });
});

test('to make room, images that were pulled here go if nothing uses them; no other image is ever touched', async () => {
  const [unused, used, foreign] = ['gc.test/unused:1', 'gc.test/used:1', 'gc.test/foreign:1'];
  for (const image of [unused, used, foreign]) await importImage(host.dockerd.socket, image!, busyboxFiles());
  const running = await host.engine.createContainer('user', { Image: used!, Cmd: ['sleep', '9'], Labels: {}, HostConfig: {} });
  let now = Date.now();
  const collector = await imageCollector({
    engine: host.engine,
    file: join(host.data, 'gc.json'),
    now: () => now,
    log: silentLogger,
    diskUsed: async () => 0.9,
  });
  for (const image of [unused, used]) collector.pulled({ image: image!, id: '', sizeBytes: 1 });
  now += 3_600_000;
  await collector.collect('/', new Set());
  expect(await Promise.all([unused, used, foreign].map((image) => imageExists(host.engine, image!)))).toEqual([
    false,
    true,
    true,
  ]);
  await host.engine.removeContainer(running.Id, true);
});
