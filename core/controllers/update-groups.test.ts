import { beforeEach, expect, test } from '@jest/globals';
import { deployment, heard, podReport, running, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { check, type Said } from '../updates/check.ts';
import { resumeGroup } from '../updates/care.ts';

let cluster: TestCluster;
/** Deployments whose pods are not ready. */
let ill: Set<string>;

async function pass(seconds = 10): Promise<void> {
  cluster.now += seconds * SECOND;
  const pods = cluster.state
    .podsOn('n1')
    .map((each) => podReport(each, running(!ill.has(String(each.metadata.labels?.['app'])))));
  cluster.inbox = [heard('n1', cluster.now, { pods })];
  await cluster.settle();
}

const create = (kind: string, name: string, spec: object) =>
  cluster.create({ apiVersion: 'terrane.dev/v1', kind, metadata: { name }, spec: { application: 'os', ...spec } } as never);
const ask = async (instance: string, more: Partial<Said> = {}) =>
  (
    await cluster.keyspace.transact((txn) =>
      check(
        txn,
        {
          application: 'os',
          track: 'os',
          instance,
          version: '1',
          arch: 'amd64',
          labels: () => ({}),
          happenings: [],
          asks: true,
          ...more,
        },
        cluster.ctx(),
      ),
    )
  ).result;
const status = () => cluster.get('UpdateGroup', 'os').status;

beforeEach(async () => {
  ill = new Set();
  cluster = await TestCluster.with();
  await create('UpdatePackage', 'os-2', {
    version: '2',
    url: 'https://files.example/',
    files: [{ name: 'a', size: 1, sha256: '0'.repeat(64) }],
  });
  await create('UpdateChannel', 'stable', { packages: { amd64: 'os-2' } });
  const halt = { unhealthyFor: '5m' };
  await create('UpdateGroup', 'os', { channel: 'stable', policy: { safeMode: false, maxUpdatesPerPeriod: 5, halt } });
  for (const name of ['web', 'db']) await cluster.create(deployment(name, { replicas: 2 }));
  ill.add('db');
  await pass();
  await pass();
});

test('pods that miss since a rollout began, and for long enough, halt it; those that did before do not', async () => {
  expect(await ask('a')).toMatchObject({ type: 'update' });
  await pass(600);
  expect(status()).toMatchObject({ unreadyBefore: 2 });
  expect(status()?.unhealthySince).toBeUndefined();

  ill.add('web');
  await pass();
  expect(status()?.unhealthySince).toBeDefined();
  await pass(290);
  expect(status()?.halted).toBeUndefined();
  await pass();
  expect(status()?.halted?.reason).toBe('ClusterUnhealthy');
  const [told] = cluster.events('Halted');
  expect(told?.message).toContain('4 pods are missing in all, 2 were when the rollout began');
  expect(await ask('b')).toMatchObject({ type: 'hold', reason: 'Halted' });

  // A person has looked, and goes on with things as they are.
  await cluster.keyspace.transact((txn) => resumeGroup(txn, 'os', cluster.ctx()));
  await pass(600);
  expect(status()?.halted).toBeUndefined();
  expect(await ask('b')).toMatchObject({ type: 'update' });
});

test('pods that miss for a short while halt nothing', async () => {
  await ask('a');
  ill.add('web');
  await pass();
  await pass(200);
  ill.delete('web');
  await pass();
  expect(status()?.unhealthySince).toBeUndefined();
  ill.add('web');
  await pass();
  await pass(200);
  expect(status()?.halted).toBeUndefined();
});

test('when nothing is under way, what gets worse only keeps the next from beginning', async () => {
  await ask('a');
  await ask('a', { version: '2', asks: false });
  expect(status()).toMatchObject({ completed: 1, underWay: 0 });
  ill.add('web');
  await pass();
  await pass(310);
  expect(status()?.halted).toBeUndefined();
  expect(await ask('b')).toMatchObject({ type: 'hold', reason: 'ClusterUnhealthy' });
  ill.delete('web');
  await pass();
  expect(await ask('b')).toMatchObject({ type: 'update' });
});

test('what becomes of a rollout is told in Events', async () => {
  await ask('a');
  await ask('a', { version: '2', asks: false });
  await ask('b');
  await ask('b', { asks: false, happenings: [{ type: 'error', code: 9 }] });
  await cluster.edit('UpdateGroup', 'os', ({ spec }) => void (spec.paused = true));
  await pass();
  await cluster.edit('UpdateGroup', 'os', ({ spec }) => void delete spec.paused);
  await pass();
  const told = (reason: string) => cluster.events(reason).map(({ message, type }) => `${type}: ${message}`);
  expect(told('UpdateGranted')).toEqual(expect.arrayContaining(['Normal: a is given 2', 'Normal: b is given 2']));
  expect(told('UpdateCompleted')).toEqual(['Normal: a runs 2']);
  expect(told('UpdateFailed')).toEqual(['Warning: b could not be updated to 2: error 9']);
  expect(told('Paused')).toHaveLength(1);
  expect(told('Unpaused')).toHaveLength(1);
});
