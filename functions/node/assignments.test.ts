import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Keyspace } from '../../core/keyspace/types.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import { confidentialKeyspaces } from '../../core/secrets/confidential-keyspaces.ts';
import { memoryDataKeys } from '../../core/secrets/testing/memory-data-keys.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { createResource } from '../../core/resources/write.ts';
import { fixedContext, inTxn, newCluster } from '../../core/resources/testing/fixtures.ts';
import { assignments } from './assignments.ts';

const HOUR = 3_600_000;
const ctx = fixedContext();
const host: HostPrincipal = { kind: 'host', tenant: 't', cluster: 'c', hostId: 'h', nodeName: 'n1' };

let stored: Keyspace;
let now = 0;
let vended = 0;
let down = false;
const logged: string[] = [];
const images = {
  prefix: (tenant: string) => `ecr.example/${tenant}/`,
  async credentials() {
    if (down) throw new TerraneError('image_registry_unavailable');
    vended++;
    return { registry: 'ecr.example', username: 'AWS', password: `pw${vended}`, expiresAt: now + 12 * HOUR };
  },
};
const note = (message: string, fields?: object) => void logged.push(message + JSON.stringify(fields));
const log = { info: note, warn: note, error: note };
const dataKeys = memoryDataKeys();
const reader = (keys = dataKeys) =>
  assignments({ keyspaces: { open: async () => stored }, dataKeys: keys, clock: { now: () => now }, log, images });

const run = (image: string, env: object[] = []) =>
  inTxn(stored, (txn) => {
    const spec = { nodeName: 'n1', containers: [{ name: 'a', image, env }] };
    return createResource(txn, 'Pod', { metadata: { name: 'p', namespace: 'default' }, spec }, ctx);
  });

beforeEach(async () => {
  stored = await newCluster(ctx);
  await inTxn(stored, (txn) => createResource(txn, 'Node', { metadata: { name: 'n1' } }, ctx));
  [now, vended, down] = [0, 0, false];
  logged.length = 0;
});

describe('image credentials', () => {
  test("come with a pod whose image is in the organisation's registry, and with no other", async () => {
    await run('ecr.example/t/web:1');
    expect((await reader().read(host))!.assignment!.registries).toEqual([
      { prefix: 'ecr.example/t/', username: 'AWS', password: 'pw1', expiresAt: 12 * HOUR },
    ]);
  });

  test.each(['web:1', 'ecr.example/t2/web:1', 'evil.example/ecr.example/t/web:1'])('do not come with %s', async (image) => {
    await run(image);
    expect((await reader().read(host))!.assignment).not.toHaveProperty('registries');
    expect(vended).toBe(0);
  });

  test('are new in time, though nothing else is, and nothing is vended meanwhile', async () => {
    await run('ecr.example/t/web:1');
    const read = reader();
    let { etag } = (await read.read(host))!;
    const renewedAt: number[] = [];
    for (now = 0; now < 24 * HOUR; now += HOUR / 4) {
      const answer = (await read.read(host, etag))!;
      if (!answer.assignment) continue;
      renewedAt.push(now);
      ({ etag } = answer);
    }
    // Those that are handed out may be 6 h old, and last for 12.
    const gaps = renewedAt.slice(1).map((at, index) => at - renewedAt[index]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * HOUR);
    expect(Math.min(...gaps)).toBeGreaterThan(2 * HOUR);
    expect(vended).toBe(renewedAt.length + 1);
  });

  test('that can not be had keep nothing else from the host, and come when they can', async () => {
    await run('ecr.example/t/web:1');
    down = true;
    const without = (await reader().read(host))!;
    expect(without.assignment).toMatchObject({ pods: [{ metadata: { name: 'p' } }] });
    expect(logged.join('')).toContain('image credentials');
    down = false;
    expect((await reader().read(host, without.etag))!.assignment).toMatchObject({ registries: [{ password: 'pw1' }] });
  });
});

describe('Secrets', () => {
  const env = [{ name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }];
  const secret = { metadata: { name: 'db', namespace: 'default' }, stringData: { password: 'hunter2' } };

  test('are decrypted only for what is new', async () => {
    const registry = await confidentialKeyspaces({ open: async () => stored }, dataKeys).open('t', 'c', 'registry');
    await inTxn(registry, (txn) => createResource(txn, 'Secret', secret, ctx));
    await run('web:1', env);
    const { assignment, etag } = (await reader().read(host))!;
    expect(assignment!.secrets).toMatchObject([{ data: { password: btoa('hunter2') } }]);
    const noKeys = { ring: () => ({ current: undefined, get: () => undefined }), load: () => Promise.reject(new Error('asked')) };
    expect(await reader(noKeys).read(host, etag)).toEqual({ etag, revision: expect.any(Number) });
    await expect(reader(noKeys).read(host)).rejects.toThrow('asked');
  });

  test('that can not be decrypted are left out, keep nothing else from the host, and come when they can be', async () => {
    const registry = await confidentialKeyspaces({ open: async () => stored }, dataKeys).open('t', 'c', 'registry');
    await inTxn(registry, (txn) => createResource(txn, 'Secret', secret, ctx));
    await run('web:1', env);
    const lost = (await reader(memoryDataKeys()).read(host))!;
    expect(lost.assignment).toMatchObject({ secrets: [], pods: [{ metadata: { name: 'p' } }] });
    expect(logged.join('')).toContain('secret default/db');
    expect((await reader().read(host, lost.etag))!.assignment!.secrets).toHaveLength(1);
  });
});
