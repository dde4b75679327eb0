import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Keyspace } from '../keyspace/types.ts';
import type { KindName } from '../resources/schema/kinds.ts';
import { newCluster } from '../resources/testing/fixtures.ts';
import { createResource, deleteResource, getResource, updateResource } from '../resources/write.ts';
import { readInstance, readLedger } from './book.ts';
import { forget } from './care.ts';
import { check, type Report } from './check.ts';

const MINUTE = 60_000;
let cluster: Keyspace;
let now: number;
let uids = 0;
const context = () => ({ now, newUid: () => `uid-${uids++}` });

const create = (kind: KindName, name: string, spec: object, namespace?: string) =>
  cluster.transact((txn) =>
    createResource(txn, kind, { metadata: { name, ...(namespace && { namespace }) }, spec } as never, context()),
  );
const pkg = (version: string, arch = 'amd64') =>
  create('UpdatePackage', `flatcar-${version}-${arch}`, {
    application: 'flatcar',
    version,
    arch,
    url: `https://cdn.example/${version}/`,
    files: [{ name: 'update.gz', size: 10, sha256: 'a'.repeat(64) }],
  });
const group = (name: string, policy: object = {}, more: object = {}) =>
  create('UpdateGroup', name, { application: 'flatcar', channel: 'stable', policy, ...more });

const report = (instance: string, more: Partial<Report> = {}): Report => ({
  application: 'flatcar',
  instance,
  version: '1.0.0',
  track: 'prod',
  arch: 'amd64',
  labels: () => ({}),
  happenings: [],
  asks: true,
  ...more,
});
const ask = async (instance: string, more: Partial<Report> = {}) => {
  const { result } = await cluster.transact((txn) => check(txn, report(instance, more), context()));
  return result.type === 'update' ? result.package.spec.version : result.type === 'hold' ? result.reason : result.type;
};

beforeEach(async () => {
  cluster = await newCluster();
  now = 1_000_000_000_000;
  await pkg('2.0.0');
  await create('UpdateChannel', 'stable', { application: 'flatcar', packages: { amd64: 'flatcar-2.0.0-amd64' } });
});

describe('a check', () => {
  test('finds its group by name and by track, in any case and with braces', async () => {
    await group('prod', {}, { tracks: ['Stable-EU', '9a2deb70-37be-4026-853f-bfdd6b347bbe'] });
    expect(await ask('a')).toBe('2.0.0');
    expect(await ask('b', { track: 'stable-eu' })).toBe('FirstUpdateUnderWay');
    expect(await ask('c', { track: '{9A2DEB70-37BE-4026-853F-BFDD6B347BBE}' })).toBe('FirstUpdateUnderWay');
    expect(await ask('d', { track: 'beta' })).toBe('unknown-group');
    expect(await ask('e', { application: 'other' })).toBe('unknown-group');
  });

  test('that changes nothing commits nothing', async () => {
    await group('prod');
    await ask('a');
    const { revision } = await cluster.sync();
    expect(await ask('b')).toBe('FirstUpdateUnderWay');
    expect(await ask('c', { version: '2.0.0' })).toBe('UpToDate');
    expect(await ask('a')).toBe('2.0.0');
    expect((await cluster.sync()).revision).toBe(revision);
  });

  test('is answered for the architecture that asks', async () => {
    await group('prod');
    expect(await ask('a', { arch: 'arm64' })).toBe('NoPackage');
  });

  test('of another architecture, which is led to another version, starts no counts anew', async () => {
    await pkg('1.9.0', 'arm64');
    await cluster.transact((txn) => {
      const stable = getResource(txn, 'UpdateChannel', '', 'stable')!;
      const packages = { amd64: 'flatcar-2.0.0-amd64', arm64: 'flatcar-1.9.0-arm64' };
      updateResource(txn, { ...stable, spec: { ...stable.spec, packages } }, context());
    });
    await group('prod', { safeMode: false, maxUpdatesPerPeriod: 100, halt: { failedPercent: 40, afterFinished: 4 } });
    const arm = { arch: 'arm64' };
    for (const [host, more, version] of [
      ['a', {}, '2.0.0'],
      ['b', arm, '1.9.0'],
    ] as const) {
      expect(await ask(host, more)).toBe(version);
      await ask(host, { ...more, version, asks: false });
    }
    const counts = async () => getResource(await cluster.sync(), 'UpdateGroup', '', 'prod')!.status;
    expect(await counts()).toMatchObject({ version: '1.9.0, 2.0.0', completed: 2, failed: 0 });
    for (const [host, more] of [
      ['c', {}],
      ['d', arm],
    ] as const) {
      await ask(host, more);
      await ask(host, { ...more, asks: false, happenings: [{ type: 'error', code: 9 }] });
    }
    expect(await counts()).toMatchObject({ completed: 2, failed: 2, halted: { reason: 'TooManyFailures' } });
    const { revision } = await cluster.sync();
    for (const more of [{}, arm, {}, arm]) expect(await ask('e', more)).toBe('Halted');
    expect((await cluster.sync()).revision).toBe(revision);
  });

  test('is answered with what the group is pinned to', async () => {
    await pkg('1.5.0');
    await group('prod', { safeMode: false }, { pin: 'flatcar-1.5.0-amd64' });
    expect(await ask('a')).toBe('1.5.0');
  });

  test('is held while a workload has fewer pods than wanted, if the group says so', async () => {
    await group('prod', { whileHealthy: true });
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web' }] } };
    await create('Deployment', 'web', { replicas: 2, selector: { matchLabels: { app: 'web' } }, template }, 'default');
    expect(await ask('a')).toBe('ClusterUnhealthy');
    await cluster.transact((txn) => {
      const web = getResource(txn, 'Deployment', 'default', 'web')!;
      updateResource(txn, { ...web, status: { availableReplicas: 2 } }, context(), { subresource: 'status' });
    });
    expect(await ask('a')).toBe('2.0.0');
  });
});

describe('what is kept', () => {
  test('tells how an update went, and the group’s status counts it', async () => {
    await group('prod');
    await ask('a');
    await ask('a', { asks: false, happenings: [{ type: 'progress', progress: 'downloading' }] });
    now += MINUTE;
    await ask('a', { asks: false, happenings: [{ type: 'progress', progress: 'installed' }] });
    const view = await cluster.sync();
    expect(getResource(view, 'UpdateGroup', '', 'prod')!.status).toMatchObject({ version: '2.0.0', underWay: 1, completed: 0 });
    await ask('a', { version: '2.0.0', asks: true });
    const after = await cluster.sync();
    expect(getResource(after, 'UpdateGroup', '', 'prod')!.status).toMatchObject({ underWay: 0, completed: 1, failed: 0 });
    const { record } = readInstance(after, 'flatcar', 'a')!;
    expect(record.history.map(({ status }) => status)).toEqual(['granted', 'downloading', 'installed', 'complete']);
  });

  test('shows why a group was halted', async () => {
    await group('prod');
    await ask('a');
    await ask('a', { asks: false, happenings: [{ type: 'error', code: 9 }] });
    expect(getResource(await cluster.sync(), 'UpdateGroup', '', 'prod')!.status?.halted).toEqual({
      reason: 'FirstUpdateFailed',
      at: '2001-09-09T01:46:40Z',
    });
    expect(await ask('b')).toBe('Halted');
  });

  test('of an instance that changes groups is left behind', async () => {
    await group('prod');
    await group('beta');
    await ask('a');
    expect(await ask('a', { track: 'beta' })).toBe('2.0.0');
    const view = await cluster.sync();
    const uid = (name: string) => getResource(view, 'UpdateGroup', '', name)!.metadata.uid;
    expect(readLedger(view, uid('prod')).underWay).toHaveLength(0);
    expect(readLedger(view, uid('beta')).underWay).toHaveLength(1);
    expect(getResource(view, 'UpdateGroup', '', 'prod')!.status?.underWay).toBe(0);
  });

  test('of an instance that a person forgets is gone, also from what the group’s status counts', async () => {
    await group('prod');
    await ask('a');
    await cluster.transact((txn) => forget(txn, 'flatcar', 'a', context()));
    const view = await cluster.sync();
    expect(readInstance(view, 'flatcar', 'a')).toBeUndefined();
    expect(getResource(view, 'UpdateGroup', '', 'prod')!.status?.underWay).toBe(0);
  });

  test('survives many rounds: the books read back are the books written', async () => {
    await group('prod', { safeMode: false, maxUpdatesPerPeriod: 3, period: '10m' });
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const host of hosts) {
      expect(await ask(host)).toBe('2.0.0');
      const version = '2.0.0';
      await ask(host, { version });
      now += 4 * MINUTE;
    }
    const view = await cluster.sync();
    const ledger = readLedger(view, getResource(view, 'UpdateGroup', '', 'prod')!.metadata.uid);
    expect(ledger).toMatchObject({ completed: 7, failed: 0, underWay: [] });
    expect(ledger.grantedAt).toHaveLength(3);
  });
});

test('what was long ago, and the books of groups that are gone, are forgotten', async () => {
  await group('prod', { safeMode: false, maxUpdatesPerPeriod: 1000 }, { instanceTtl: '10d' });
  await group('gone', {}, { tracks: ['old'] });
  await ask('left-behind', { track: 'old' });
  for (let i = 0; i < 60; i++) {
    await ask(`${i.toString(16)}-old`);
    await ask(`${i.toString(16)}-old`, { version: '2.0.0' });
  }
  // Hosts that went away in the middle.
  for (let i = 0; i < 5; i++) await ask(`${i}-lost-old`);
  await cluster.transact((txn) => deleteResource(txn, 'UpdateGroup', '', 'gone', {}, context()));
  now += 11 * 24 * 60 * MINUTE;
  for (let i = 0; i < 40; i++) {
    now += MINUTE;
    await ask(`${i.toString(16)}-new`);
  }
  const kept = Array.from((await cluster.sync()).range('/updates/', '/updates0'), ({ key }) => key);
  expect(kept.filter((key) => key.endsWith('-old'))).toEqual([]);
  expect(kept.filter((key) => key.includes('left-behind'))).toEqual([]);
  expect(kept.filter((key) => key.includes('/instances/'))).toHaveLength(40);
});

test('many that ask at once never get more than the limit', async () => {
  await group('prod', { safeMode: false, maxUpdatesPerPeriod: 5 });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(`host-${i}`)));
  expect(answers.filter((answer) => answer === '2.0.0')).toHaveLength(5);
});
