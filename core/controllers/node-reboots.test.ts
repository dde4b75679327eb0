import { beforeEach, describe, expect, test } from '@jest/globals';
import { deployment, heard, nodeStatus, pod, podReport, running, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { unit, unitReport } from '../../test/support/units.ts';
import { assignedUnits } from '../node/assigned-units.ts';
import { DRAIN_ANNOTATION } from '../node/drain.ts';
import { SYSTEMD_LABEL } from '../node/systemd-label.ts';
import { findCondition } from './conditions.ts';
import { haltGroup } from '../updates/halting.ts';
import { zincatiId } from '../updates/host-identity.ts';
import { acquire, findLock, release } from '../updates/reboot-lock.ts';
import { REBOOT_ANNOTATION } from '../updates/reboot-mark.ts';
import { resumeGroup } from '../updates/care.ts';

const MACHINES: Readonly<Record<string, string>> = { n1: '1'.repeat(32), n2: '2'.repeat(32) };
const NODE_INFO = {
  systemUUID: '',
  kernelVersion: '',
  osImage: '',
  containerRuntimeVersion: '',
  kubeletVersion: '',
  kubeProxyVersion: '',
  operatingSystem: 'linux',
  architecture: 'amd64',
};
const HOUR = 3_600 * SECOND;

let cluster: TestCluster;
let boots: Record<string, string>;

/** Both hosts report what they run; pods that were told to end have ended. */
async function pass(seconds = 10, silent: readonly string[] = []): Promise<void> {
  cluster.now += seconds * SECOND;
  await cluster.finishDeletions();
  const names = ['n1', 'n2'].filter((name) => !silent.includes(name));
  cluster.inbox = [
    ...cluster.inbox.filter(({ nodeName }) => silent.includes(nodeName)),
    ...names.map((name) => {
      const nodeInfo = { ...NODE_INFO, machineID: MACHINES[name]!, bootID: boots[name]! };
      const pods = cluster.state.podsOn(name).map((each) => podReport(each, running(true)));
      const units = assignedUnits(cluster.state, name).map((each) => unitReport(each));
      return heard(name, cluster.now, { pods, units, node: { ...nodeStatus(), nodeInfo } });
    }),
  ];
  await cluster.settle();
}

const ask = async (id: string, group = 'os') =>
  (await cluster.keyspace.transact((txn) => acquire(txn, group, id, cluster.ctx()))).result;
/** The controllers evict, and the host ends what it was told to. */
async function drained(): Promise<void> {
  await cluster.settle();
  await pass();
}
const giveBack = (id: string) => cluster.keyspace.transact((txn) => release(txn, 'os', id, cluster.ctx()));
const homes = () =>
  cluster.pods
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map(({ spec }) => spec.nodeName ?? '')
    .sort((a, b) => (a < b ? -1 : 1));
const unitHosts = (name: string) => (cluster.get('Unit', name, '').status?.hosts ?? []).map(({ nodeName }) => nodeName);
const cordoned = (name: string) => cluster.get('Node', name).spec?.unschedulable === true;
const group = () => cluster.get('UpdateGroup', 'os');
const budget = (minAvailable: number) =>
  cluster.create({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
  } as never);

beforeEach(async () => {
  boots = { n1: 'boot-1', n2: 'boot-1' };
  cluster = await TestCluster.with();
  await cluster.create({
    apiVersion: 'terrane.dev/v1',
    kind: 'UpdateGroup',
    metadata: { name: 'os' },
    spec: { application: 'flatcar', channel: 'stable' },
  } as never);
  await pass();
  await cluster.create(deployment('web', { replicas: 2 }));
  await pass();
  await pass();
  expect(homes()).toEqual(['n1', 'n2']);
});

describe('a host that is a node', () => {
  test('may reboot once its pods have left, is cordoned until it is back and well, and takes pods again then', async () => {
    expect(await ask('n2')).toMatchObject({ type: 'refused', reason: 'Draining' });
    expect(cordoned('n2')).toBe(true);
    expect(group().status?.reboots).toMatchObject([{ id: 'n2', node: 'n2', draining: true }]);
    await cluster.settle();
    expect(cluster.events('EvictedForReboot')).toHaveLength(1);
    // Told to end is not gone yet.
    expect(await ask('n2')).toMatchObject({ reason: 'Draining' });
    await pass();
    expect(await ask('n2')).toEqual({ type: 'held' });
    expect(await ask('n2')).toEqual({ type: 'held' });
    expect(homes()).toEqual(['n1', 'n1']);

    await pass(100, ['n2']);
    await giveBack('n2');
    await pass(10, ['n2']);
    // It says that it is well, and its agent has not been heard of yet.
    expect(cordoned('n2')).toBe(true);
    boots['n2'] = 'boot-2';
    await pass();
    expect(cordoned('n2')).toBe(false);
    expect(cluster.get('Node', 'n2').metadata.annotations?.[REBOOT_ANNOTATION]).toBeUndefined();
    expect(cluster.events('BackFromReboot')).toHaveLength(1);
    expect(group().status?.reboots).toBeUndefined();
  });

  test('waits for disruption budgets, and the next one for its slot', async () => {
    await budget(2);
    expect(await ask('n2')).toMatchObject({ reason: 'Draining' });
    for (let i = 0; i < 3; i++) await pass();
    expect(homes()).toEqual(['n1', 'n2']);
    expect(await ask('n1')).toMatchObject({ reason: 'NoFreeSlot' });
    await cluster.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = 3));
    for (let i = 0; i < 4; i++) await pass();
    expect(await ask('n2')).toEqual({ type: 'held' });
    expect(homes()).toEqual(['n1', 'n1', 'n1']);
  });

  test('evicts no more at once than a budget allows', async () => {
    await cluster.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = 6));
    await pass();
    await pass();
    const there = homes().filter((name) => name === 'n2').length;
    expect(there).toBeGreaterThan(1);
    await budget(5);
    await ask('n2');
    await cluster.settle();
    expect(cluster.pods.filter(({ metadata }) => metadata.deletionTimestamp)).toHaveLength(1);
    for (let i = 0; i < 8; i++) await pass();
    expect(await ask('n2')).toEqual({ type: 'held' });
  });

  test('is known by its machine id, however it is written, and by the id that Zincati makes of it', async () => {
    for (const id of ['2'.repeat(32), `{${'2'.repeat(8)}-2222-2222-2222-${'2'.repeat(12)}}`, zincatiId('2'.repeat(32))]) {
      expect(await ask(id)).toMatchObject({ reason: 'Draining' });
      expect(cordoned('n2')).toBe(true);
      await giveBack(id);
      // It never went down.
      expect(cordoned('n2')).toBe(false);
    }
    expect(await ask('somebody else')).toEqual({ type: 'held' });
  });

  test('stays cordoned if a person had cordoned it before', async () => {
    await cluster.edit('Node', 'n2', (node) => void (node.spec = { ...node.spec, unschedulable: true }));
    await ask('n2');
    await drained();
    expect(await ask('n2')).toEqual({ type: 'held' });
    await giveBack('n2');
    boots['n2'] = 'boot-2';
    await pass();
    expect(cordoned('n2')).toBe(true);
    expect(cluster.get('Node', 'n2').metadata.annotations?.[REBOOT_ANNOTATION]).toBeUndefined();
  });

  test('keeps pods that nothing would bring back elsewhere: they start again with it', async () => {
    await cluster.create(pod('alone', { nodeName: 'n2', status: running(true) }));
    await ask('n2');
    await drained();
    expect(await ask('n2')).toEqual({ type: 'held' });
    expect(cluster.get('Pod', 'alone').metadata.deletionTimestamp).toBeUndefined();
  });

  test('may reboot once its units have left, too; those that can run nowhere else go down with it and say so', async () => {
    for (const name of ['n1', 'n2'])
      await cluster.edit(
        'Node',
        name,
        ({ metadata }) => void (metadata.labels = { ...metadata.labels, [SYSTEMD_LABEL]: 'true' }),
      );
    await cluster.create(unit('pin.service', { fleet: 'MachineID=n2' }));
    await cluster.create(unit('all.service', { fleet: 'Global=true' }));
    await cluster.create(unit('a.service', { fleet: 'Conflicts=b.service' }));
    await cluster.create(unit('b.service'));
    await pass();
    const mine = ['a.service', 'b.service'].find((name) => unitHosts(name).includes('n2'))!;
    expect(await ask('n2')).toMatchObject({
      reason: 'Draining',
      message: `1 pod and 1 unit (${mine}) still leave node n2 first: ask again`,
    });
    await cluster.settle();
    await cluster.finishDeletions();
    expect(await ask('n2')).toMatchObject({ message: `1 unit (${mine}) still leaves node n2 first: ask again` });
    await pass();
    expect(await ask('n2')).toEqual({ type: 'held' });
    // The other one keeps it from n1.
    expect([unitHosts(mine), unitHosts('pin.service'), unitHosts('all.service')]).toEqual([[], ['n2'], ['n1', 'n2']]);
    expect(findCondition(cluster.get('Unit', mine, '').status?.conditions, 'Placed')).toMatchObject({ status: 'False' });
    expect(cluster.events('StaysOnHost').map(({ message }) => message)).toEqual([
      'It stays on n2, though its host is to reboot: MachineID names that host. It stops with its host, and starts again with it.',
    ]);
    boots['n2'] = 'boot-2';
    await giveBack('n2');
    await pass();
    await pass();
    expect(cordoned('n2')).toBe(false);
    expect(unitHosts(mine)).toEqual(['n2']);
    expect(cluster.get('Unit', 'pin.service', '').status?.conditions?.map(({ type }) => type)).toEqual(['Placed']);
  });

  test('is cordoned again if somebody uncordons it while its pods leave, and uncordoned when it is back', async () => {
    await ask('n2');
    await cluster.edit('Node', 'n2', ({ spec }) => void delete spec!.unschedulable);
    expect(await ask('n2')).toMatchObject({ reason: 'Draining' });
    expect(cordoned('n2')).toBe(true);
    await drained();
    expect(await ask('n2')).toEqual({ type: 'held' });
    boots['n2'] = 'boot-2';
    await giveBack('n2');
    await pass();
    expect(cordoned('n2')).toBe(false);
  });

  test('stays cordoned after its reboot if a person has begun to drain it meanwhile', async () => {
    await ask('n2');
    await drained();
    expect(await ask('n2')).toEqual({ type: 'held' });
    await cluster.edit('Node', 'n2', ({ metadata }) => void (metadata.annotations![DRAIN_ANNOTATION] = 'true'));
    boots['n2'] = 'boot-2';
    await giveBack('n2');
    await pass();
    expect(cluster.get('Node', 'n2').metadata.annotations).not.toHaveProperty([REBOOT_ANNOTATION]);
    expect([cordoned('n2'), cluster.get('Node', 'n2').metadata.annotations]).toMatchObject([
      true,
      { [DRAIN_ANNOTATION]: 'true' },
    ]);
    expect(cluster.events('BackFromReboot')[0]?.message).toBe('Node n2 stays cordoned, a person drains it');
  });

  test('reboots with its pods where the group says so', async () => {
    await cluster.edit('UpdateGroup', 'os', ({ spec }) => void (spec.reboots = { ...spec.reboots, drain: false }));
    expect(await ask('n2')).toEqual({ type: 'held' });
    expect(cordoned('n2')).toBe(false);
  });

  test('takes pods again when its group is deleted meanwhile', async () => {
    await ask('n2');
    await cluster.delete('UpdateGroup', 'os');
    await pass();
    expect(cordoned('n2')).toBe(false);
  });

  test('that does not come back keeps its slot and halts the group, although nobody asks', async () => {
    await ask('n2');
    await drained();
    await ask('n2');
    const outcome = await cluster.settle();
    expect(outcome.wakeAt).toBeLessThanOrEqual(cluster.now + HOUR + 2 * SECOND);
    await pass(3_590, ['n2']);
    expect(group().status?.halted).toBeUndefined();
    await pass(20, ['n2']);
    expect(group().status?.halted?.reason).toBe('HostDidNotReturn');
    expect(cluster.events('Halted')).toHaveLength(1);
    expect(await ask('n1')).toMatchObject({ reason: 'Halted' });
    // A person gives its slot away and lets the group go on.
    await giveBack('n2');
    await cluster.keyspace.transact((txn) => resumeGroup(txn, 'os', cluster.ctx()));
    expect(await ask('n1')).toMatchObject({ reason: 'Draining' });
  });

  test('that can not be drained in time is not rebooted: it is as before, and the group is halted', async () => {
    await budget(2);
    await ask('n2');
    await pass(3_590);
    expect(cordoned('n2')).toBe(true);
    await pass(20);
    expect(cordoned('n2')).toBe(false);
    expect(group().status).toMatchObject({ halted: { reason: 'DrainTimedOut' } });
    expect(group().status?.reboots).toBeUndefined();
    expect(await ask('n2')).toMatchObject({ reason: 'Halted' });
  });

  test('that is drained when its group is halted, and never asks again, does not stay empty', async () => {
    await budget(2);
    await ask('n2');
    await cluster.keyspace.transact((txn) => haltGroup(txn, 'os', 'TooManyFailures', 'of others', cluster.ctx()));
    const { wakeAt } = await cluster.settle();
    expect(wakeAt).toBeLessThanOrEqual(cluster.now + HOUR + 2 * SECOND);
    await pass(3_610);
    expect(cordoned('n2')).toBe(false);
    expect(group().status).toMatchObject({ halted: { reason: 'TooManyFailures' } });
    expect(group().status?.reboots).toBeUndefined();
  });

  test('whose window closes while it drains is as before, and does not reboot', async () => {
    await cluster.edit('UpdateGroup', 'os', ({ spec }) => {
      spec.reboots = { ...spec.reboots, windows: [{ start: '00:00', duration: '5m' }] };
    });
    await ask('n2');
    cluster.now += 360 * SECOND;
    expect(await ask('n2')).toMatchObject({ reason: 'OutsideWindow' });
    expect(cordoned('n2')).toBe(false);
    expect(findLock(cluster.keyspace.view(), 'os')?.holders).toEqual([]);
  });
});

test('a mark that somebody wrote by hand, and wrongly, is passed over', async () => {
  await cluster.edit('Node', 'n2', ({ metadata }) => void (metadata.annotations = { [REBOOT_ANNOTATION]: '{"state":1' }));
  const { problems } = await cluster.settle();
  expect(problems).toEqual([]);
  expect(homes()).toEqual(['n1', 'n2']);
});
