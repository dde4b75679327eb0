import { beforeEach, describe, expect, test } from '@jest/globals';
import { heard, node, nodeStatus, pod, SECOND } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { unit, unitReport } from '../../../test/support/units.ts';
import { DRAIN_ANNOTATION } from '../../node/drain.ts';
import { assignedUnits } from '../../node/assigned-units.ts';
import type { AssignedUnit, UnitReport } from '../../node/assigned-unit.ts';
import { findCondition } from '../conditions.ts';

const LABELS = { 'terrane.dev/systemd': 'true' };
const host = (name: string, labels: Record<string, string> = {}) => node(name, { labels: { ...LABELS, ...labels } });

let cluster: TestCluster;

/** Hosts that are heard of now: each has done what it was assigned, but for what `telling` makes of it. */
function hear(names: readonly string[], telling: (unit: AssignedUnit) => Partial<UnitReport> | undefined = () => ({})): void {
  const silent = cluster.inbox.filter(({ nodeName }) => !names.includes(nodeName));
  cluster.inbox = [
    ...silent,
    ...names.map((name) => {
      const units = assignedUnits(cluster.state, name).flatMap((each) => {
        const given = telling(each);
        return given ? [unitReport(each, given)] : [];
      });
      return heard(name, cluster.now, { node: nodeStatus(), units });
    }),
  ];
}

/** They do what they are assigned, and the controllers follow, until nothing changes. */
async function settle(...names: string[]): Promise<void> {
  for (let round = 0; round < 6; round++) {
    hear(names);
    await cluster.settle();
  }
}

async function pass(seconds: number, ...names: string[]): Promise<void> {
  for (let left = seconds; left > 0; left -= 10) {
    cluster.now += Math.min(left, 10) * SECOND;
    hear(names);
    await cluster.settle();
  }
}

const hosts = (name: string) => (cluster.get('Unit', name, '').status?.hosts ?? []).map(({ nodeName }) => nodeName);
const state = (name: string) => cluster.get('Unit', name, '').status?.currentState;
const want = (name: string, desiredState: 'inactive' | 'loaded' | 'launched') =>
  cluster.edit('Unit', name, ({ spec }) => void (spec.desiredState = desiredState), '');
const whyNot = (name: string) => findCondition(cluster.get('Unit', name, '').status?.conditions, 'Placed')?.message;

beforeEach(async () => {
  cluster = await TestCluster.with(host('n1'), host('n2'), host('n3'));
});

describe('a unit that takes long to leave', () => {
  const slow = (name: string) => findCondition(cluster.get('Unit', name, '').status?.conditions, 'SlowToStop');
  const stopping = ({ desired }: AssignedUnit) =>
    desired === 'absent' ? ({ activeState: 'deactivating', subState: 'stop-sigterm' } as const) : {};
  const passSlowly = async (seconds: number) => {
    for (let left = seconds; left > 0; left -= 10) {
      cluster.now += 10 * SECOND;
      hear(['n1', 'n2', 'n3'], stopping);
      await cluster.settle();
    }
  };

  test('says so after a minute, and when it is killed; no longer once it has left', async () => {
    await cluster.create(unit('a.service', { contents: '[Service]\nExecStart=/bin/true\nTimeoutStopSec=infinity\n' }));
    await settle('n1', 'n2', 'n3');
    await cluster.edit('Node', 'n1', (one) => {
      one.spec = { ...one.spec, unschedulable: true };
      one.metadata.annotations = { ...one.metadata.annotations, [DRAIN_ANNOTATION]: 'true' };
    });
    await passSlowly(50);
    expect(slow('a.service')).toBeUndefined();
    await passSlowly(600);
    const message = 'It is still being stopped on n1 (its host is being drained), and is killed there once that has taken 600 s.';
    expect(slow('a.service')).toMatchObject({
      status: 'True',
      message,
      lastTransitionTime: new Date(cluster.now - 580 * SECOND).toISOString().replace('.000', ''),
    });
    expect(cluster.events('SlowToStop').map((event) => [event.involvedObject.name, event.message])).toEqual([
      ['a.service', message],
    ]);
    await settle('n1', 'n2', 'n3');
    expect(slow('a.service')).toBeUndefined();
    expect(hosts('a.service')).toEqual(['n2']);
  });

  test('names a few of its hosts, however many they are', async () => {
    const all = ['n1', 'n2', 'n3', 'n4', 'n5'];
    for (const name of all.slice(3)) await cluster.create(host(name));
    await cluster.create(unit('g.service', { fleet: 'Global=true' }));
    await settle(...all);
    expect(hosts('g.service')).toEqual(all);
    await want('g.service', 'inactive');
    for (let seconds = 0; seconds <= 80; seconds += 10) {
      cluster.now += 10 * SECOND;
      hear(all, stopping);
      await cluster.settle();
    }
    const where = all.slice(0, 3).map((name) => `${name} (it was unloaded)`);
    expect(slow('g.service')?.message).toBe(
      `It is still being stopped on ${where.join(', ')} and others, and is killed there once that has taken 600 s.`,
    );
  });

  test('has what its host tells of it among its Events; of one that has gone meanwhile the host has them', async () => {
    const { metadata } = await cluster.create(unit('a.service')).then(() => cluster.get('Unit', 'a.service', ''));
    await settle('n1', 'n2', 'n3');
    const killed = (id: string, uid: string) => ({
      id,
      at: cluster.now,
      type: 'Warning' as const,
      reason: 'UnitKilled',
      message: 'Unit a.service: it had not stopped',
      unit: { name: 'a.service', uid },
    });
    const events = [killed('e1', metadata.uid), killed('e2', 'earlier')];
    cluster.inbox = [heard('n1', cluster.now, { node: nodeStatus(), events })];
    await cluster.settle();
    expect(cluster.events('UnitKilled').map(({ involvedObject: { kind, name } }) => `${kind} ${name}`)).toEqual([
      'Unit a.service',
      'Node n1',
    ]);
  });

  test('is not said to be slow when it is its host that is silent', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await want('a.service', 'inactive');
    await cluster.settle();
    await pass(200, 'n2', 'n3');
    expect(cluster.events('SlowToStop')).toEqual([]);
  });
});

describe('a unit', () => {
  test('that is launched goes to the host with the fewest, and is launched once it runs there', async () => {
    await cluster.create(unit('a.service'));
    await cluster.create(unit('b.service'));
    await cluster.settle();
    expect([hosts('a.service'), hosts('b.service')]).toEqual([['n1'], ['n2']]);
    expect(state('a.service')).toBe('inactive');
    hear(['n1', 'n2', 'n3'], () => ({ activeState: 'activating', subState: 'start-pre' }));
    await cluster.settle();
    expect(state('a.service')).toBe('loaded');
    await settle('n1', 'n2', 'n3');
    expect(state('a.service')).toBe('launched');
    expect(cluster.events('Scheduled')).toHaveLength(2);
  });

  test('that is loaded is on a host and not started; inactive takes it off again', async () => {
    await cluster.create(unit('a.service', { desiredState: 'loaded' }));
    await settle('n1', 'n2', 'n3');
    expect([hosts('a.service'), state('a.service')]).toEqual([['n1'], 'loaded']);
    await want('a.service', 'inactive');
    await settle('n1', 'n2', 'n3');
    expect([hosts('a.service'), state('a.service')]).toEqual([[], 'inactive']);
    expect(cluster.get('Unit', 'a.service', '').metadata.finalizers ?? []).toEqual([]);
  });

  test('that is a template, or inactive, is on no host', async () => {
    await cluster.create(unit('a@.service', { desiredState: 'inactive' }));
    await cluster.create(unit('b.service', { desiredState: 'inactive' }));
    await settle('n1');
    expect([hosts('a@.service'), hosts('b.service')]).toEqual([[], []]);
    expect(whyNot('a@.service')).toContain('template');
  });

  test('is stopped and started again when it is stopped and started faster than anybody looked', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1');
    const before = assignedUnits(cluster.state, 'n1')[0]!;
    await want('a.service', 'loaded');
    await want('a.service', 'launched');
    const after = assignedUnits(cluster.state, 'n1')[0]!;
    expect([before.generation, after.generation]).toEqual([1, 3]);
    await cluster.settle();
    expect(state('a.service')).toBe('loaded');
    await settle('n1');
    expect(state('a.service')).toBe('launched');
  });

  test('that is deleted stays until its host has stopped it', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.delete('Unit', 'a.service');
    hear(['n1'], () => undefined);
    await cluster.settle();
    expect(assignedUnits(cluster.state, 'n1')).toMatchObject([{ name: 'a.service', desired: 'absent' }]);
    await settle('n1');
    expect(cluster.state.list('Unit')).toEqual([]);
  });

  test('that fits nowhere says why, and goes as soon as there is a place', async () => {
    await cluster.create(unit('a.service', { fleet: 'MachineMetadata=disk=ssd' }));
    await cluster.create(node('bare', { labels: { disk: 'ssd' } }));
    await cluster.settle();
    expect(whyNot('a.service')).toBe(
      "0/4 nodes are available: 1 node(s) had no systemd, 3 node(s) didn't match MachineID or MachineMetadata.",
    );
    expect(cluster.events('FailedScheduling')).toHaveLength(1);
    await cluster.create(host('n4', { disk: 'ssd' }));
    await cluster.settle();
    expect(hosts('a.service')).toEqual(['n4']);
  });

  test('whose name no Event could have gets Events all the same', async () => {
    await cluster.create(unit('Web_1@EU.service'));
    await cluster.settle();
    expect(cluster.events('Scheduled').map(({ involvedObject }) => involvedObject.name)).toEqual(['Web_1@EU.service']);
  });
});

describe('a unit moves', () => {
  test('only once its host has stopped it', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.edit('Unit', 'a.service', ({ spec }) => void (spec.contents += '[X-Fleet]\nMachineID=n2\n'), '');
    cluster.inbox = [];
    await cluster.settle();
    expect(hosts('a.service')).toEqual(['n1']);
    expect(assignedUnits(cluster.state, 'n1')).toMatchObject([{ desired: 'absent' }]);
    hear(['n1', 'n2', 'n3']);
    await cluster.settle();
    expect(hosts('a.service')).toEqual(['n2']);
  });

  test('not because of what its host said of an earlier placing', async () => {
    await cluster.create(unit('a.service', { fleet: 'MachineID=n1' }));
    await settle('n1');
    await want('a.service', 'inactive');
    await settle('n1');
    const { metadata, status } = cluster.get('Unit', 'a.service', '');
    const { uid } = metadata;
    const earlier = {
      name: 'a.service',
      uid,
      placement: status!.placements!,
      contents: '',
      hash: '',
      generation: 0,
      fenced: true,
    };
    const old = unitReport({ ...earlier, desired: 'absent' });
    await want('a.service', 'launched');
    await settle('n1');
    await want('a.service', 'inactive');
    cluster.inbox = [heard('n1', cluster.now, { units: [old] })];
    await cluster.settle();
    await cluster.settle();
    expect(hosts('a.service')).toEqual(['n1']);
  });

  test('when the label that it asks for goes', async () => {
    await cluster.create(host('n4', { disk: 'ssd' }));
    await cluster.create(host('n5', { disk: 'ssd' }));
    await cluster.create(unit('a.service', { fleet: 'MachineMetadata=disk=ssd' }));
    await settle('n1', 'n4', 'n5');
    expect(hosts('a.service')).toEqual(['n4']);
    await cluster.edit('Node', 'n4', ({ metadata }) => void delete metadata.labels!['disk'], '');
    await settle('n1', 'n4', 'n5');
    expect(hosts('a.service')).toEqual(['n5']);
  });

  test('for one that replaces it, which gets its host', async () => {
    await cluster.create(unit('old.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.create(unit('new.service', { fleet: 'Replaces=old.service' }));
    await settle('n1', 'n2', 'n3');
    expect([hosts('new.service'), hosts('old.service')]).toEqual([['n1'], ['n2']]);
  });

  test('neither when its host is cordoned, nor when others come', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1');
    await cluster.edit('Node', 'n1', ({ spec }) => void (spec!.unschedulable = true), '');
    await cluster.create(unit('b.service', { fleet: 'Conflicts=a.service' }));
    await settle('n1', 'n2', 'n3');
    expect([hosts('a.service'), hosts('b.service')]).toEqual([['n1'], ['n2']]);
  });

  test('when a person taints its host so that nothing may run there', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.edit('Node', 'n1', ({ spec }) => void (spec!.taints = [{ key: 'repair', effect: 'NoExecute' }]), '');
    await settle('n1', 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
  });
});

describe('a host that is drained', () => {
  const drain = (name: string) =>
    cluster.edit(
      'Node',
      name,
      ({ metadata, spec }) => {
        metadata.annotations = { ...metadata.annotations, [DRAIN_ANNOTATION]: 'true' };
        spec!.unschedulable = true;
      },
      '',
    );
  const uncordon = (name: string) => cluster.edit('Node', name, ({ spec }) => void (spec!.unschedulable = false), '');
  const stays = (name: string) => findCondition(cluster.get('Unit', name, '').status?.conditions, 'StaysOnHost')?.message;

  test('stops its units, and only then they start elsewhere; global ones stay', async () => {
    await cluster.create(unit('a.service'));
    await cluster.create(unit('all.service', { fleet: 'Global=true' }));
    await settle('n1', 'n2', 'n3');
    await drain('n1');
    hear(['n1', 'n2', 'n3'], (each) => (each.desired === 'absent' ? undefined : {}));
    await cluster.settle();
    expect(hosts('a.service')).toEqual(['n1']);
    expect(assignedUnits(cluster.state, 'n1')).toMatchObject([{ name: 'a.service', desired: 'absent' }, { desired: 'launched' }]);
    await settle('n1', 'n2', 'n3');
    expect([hosts('a.service'), hosts('all.service')]).toEqual([['n2'], ['n1', 'n2', 'n3']]);
    expect(cluster.events('Leaving').map(({ message }) => message)).toEqual(['It leaves host n1: its host is being drained']);
    await uncordon('n1');
    await settle('n1', 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
  });

  test('keeps the unit that MachineID binds to it, and those that have to be with that one, which say why', async () => {
    await cluster.create(unit('pin.service', { fleet: 'MachineID=n1' }));
    await cluster.create(unit('beside.service', { fleet: 'MachineOf=pin.service' }));
    await cluster.create(unit('after.service', { fleet: 'MachineOf=beside.service' }));
    await settle('n1', 'n2', 'n3');
    await drain('n1');
    await settle('n1', 'n2', 'n3');
    expect(['pin', 'beside', 'after'].map((name) => hosts(`${name}.service`))).toEqual([['n1'], ['n1'], ['n1']]);
    expect(stays('pin.service')).toBe(
      'It stays on n1, though its host is being drained: MachineID names that host. It stops with its host, and starts again with it.',
    );
    expect(stays('beside.service')).toContain('MachineOf names pin.service, which stays there');
    expect(cluster.events('StaysOnHost')).toHaveLength(3);
    await uncordon('n1');
    await settle('n1', 'n2', 'n3');
    expect(stays('pin.service')).toBeUndefined();
  });

  test('keeps what a unit that stays has to be with, too: without it that one would have to leave, and could not come back', async () => {
    await cluster.create(unit('free.service'));
    await cluster.create(unit('pin.service', { fleet: 'MachineID=n1' }));
    await cluster.create(unit('both.service', { fleet: 'MachineOf=pin.service\nMachineOf=free.service' }));
    await settle('n1', 'n2', 'n3');
    await drain('n1');
    await settle('n1', 'n2', 'n3');
    expect(['pin', 'both', 'free'].map((name) => hosts(`${name}.service`))).toEqual([['n1'], ['n1'], ['n1']]);
    expect(stays('free.service')).toContain('MachineOf of both.service, which stays there, names it');
    await uncordon('n1');
    await settle('n1', 'n2', 'n3');
    expect([state('both.service'), state('free.service'), stays('free.service')]).toEqual(['launched', 'launched', undefined]);
  });

  test('makes the unit wait, with the reason, that fits nowhere else, and has it again when it is uncordoned', async () => {
    await cluster.edit('Node', 'n1', ({ metadata }) => void (metadata.labels!['disk'] = 'ssd'), '');
    await cluster.create(unit('a.service', { fleet: 'MachineMetadata=disk=ssd' }));
    await settle('n1', 'n2', 'n3');
    await drain('n1');
    await settle('n1', 'n2', 'n3');
    expect(hosts('a.service')).toEqual([]);
    expect(whyNot('a.service')).toBe(
      "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match MachineID or MachineMetadata. " +
        'n1 is cordoned: terrane node uncordon n1',
    );
    await uncordon('n1');
    await settle('n1', 'n2', 'n3');
    expect([hosts('a.service'), state('a.service')]).toEqual([['n1'], 'launched']);
  });

  test('is drained no more once it was uncordoned: the next cordon moves nothing', async () => {
    await drain('n1');
    await settle('n1', 'n2', 'n3');
    await uncordon('n1');
    await cluster.settle();
    expect(cluster.get('Node', 'n1', '').metadata.annotations ?? {}).not.toHaveProperty([DRAIN_ANNOTATION]);
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.edit('Node', 'n1', ({ spec }) => void (spec!.unschedulable = true), '');
    await settle('n1', 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n1']);
  });

  test('and lost before it has stopped them: they wait as for any lost host', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await drain('n1');
    await pass(50, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n1']);
    await pass(20, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
  });
});

describe('when a host is lost', () => {
  test('its units are elsewhere after the host timeout, and not before: it stops them by itself', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await pass(50, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n1']);
    await pass(20, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
    expect(cluster.events('HostLost').map(({ message }) => message)).toEqual([
      'Host n1 is unreachable, and has stopped the unit since its lease ran out',
    ]);
  });

  test('one that may run twice is replaced later, as a pod is', async () => {
    await cluster.create(unit('a.service', { fleet: 'Fenced=false' }));
    await settle('n1', 'n2', 'n3');
    await pass(110, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n1']);
    await pass(20, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
  });

  test('those that belong together go together, and the others stay', async () => {
    for (const n of [1, 2, 3]) {
      await cluster.create(unit(`ping.${n}.service`));
      await cluster.create(unit(`pong.${n}.service`, { fleet: `MachineOf=ping.${n}.service` }));
    }
    await settle('n1', 'n2', 'n3');
    const pair = (n: number) => [...hosts(`ping.${n}.service`), ...hosts(`pong.${n}.service`)];
    expect([pair(1), pair(2), pair(3)]).toEqual([
      ['n1', 'n1'],
      ['n2', 'n2'],
      ['n3', 'n3'],
    ]);
    await pass(70, 'n2', 'n3');
    expect(new Set(pair(1)).size).toBe(1);
    expect(pair(1)).not.toContain('n1');
    expect([pair(2), pair(3)]).toEqual([
      ['n2', 'n2'],
      ['n3', 'n3'],
    ]);
  });

  test('or one of two has to move by itself, those that name it follow, one that came meanwhile, too', async () => {
    await cluster.create(unit('ping.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.create(unit('pong.service', { fleet: 'MachineOf=ping.service' }));
    await settle('n1', 'n2', 'n3');
    const both = () => [...hosts('ping.service'), ...hosts('pong.service')];
    expect(both()).toEqual(['n1', 'n1']);
    const contents = unit('ping.service', { fleet: 'MachineMetadata=kubernetes.io/hostname=n2' }).spec.contents;
    await cluster.edit('Node', 'n2', ({ metadata }) => void (metadata.labels!['kubernetes.io/hostname'] = 'n2'), '');
    await cluster.edit('Unit', 'ping.service', ({ spec }) => void (spec.contents = contents), '');
    // It is still being stopped on n1 when another comes that wants to be with it.
    hear(['n1', 'n2', 'n3'], () => undefined);
    await cluster.settle();
    await cluster.create(unit('late.service', { fleet: 'MachineOf=ping.service' }));
    await cluster.settle();
    await settle('n1', 'n2', 'n3');
    expect([...both(), ...hosts('late.service')]).toEqual(['n2', 'n2', 'n2']);
    expect(['ping', 'pong', 'late'].map((name) => state(`${name}.service`))).toEqual(['launched', 'launched', 'launched']);
  });

  test('and all others with it, nothing moves: it is the control plane that is cut off', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await pass(600);
    expect(hosts('a.service')).toEqual(['n1']);
  });

  test('for good, a deleted unit goes all the same, once it can not run any more', async () => {
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await pass(20, 'n2', 'n3');
    await cluster.delete('Unit', 'a.service');
    await pass(30, 'n2', 'n3');
    expect(cluster.state.list('Unit')).toHaveLength(1);
    await pass(30, 'n2', 'n3');
    expect(cluster.state.list('Unit')).toEqual([]);
  });

  test('by a person who deletes its Node, its units go elsewhere when its last lease has run out', async () => {
    await cluster.edit('Node', 'n1', ({ metadata }) => void (metadata.finalizers = ['terrane.dev/host']), '');
    await cluster.create(unit('a.service'));
    await settle('n1', 'n2', 'n3');
    await cluster.delete('Node', 'n1');
    cluster.inbox = cluster.inbox.filter(({ nodeName }) => nodeName !== 'n1');
    await pass(50, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n1']);
    await pass(20, 'n2', 'n3');
    expect(hosts('a.service')).toEqual(['n2']);
    expect(cluster.state.get('Node', '', 'n1')).toBeUndefined();
  });
});

describe('a global unit', () => {
  test('is on each host that fits, on new ones too, and on none that left', async () => {
    await cluster.create(unit('all.service', { fleet: 'Global=true' }));
    await settle('n1', 'n2', 'n3');
    expect([hosts('all.service'), state('all.service')]).toEqual([['n1', 'n2', 'n3'], 'launched']);
    await cluster.create(host('n4'));
    await settle('n1', 'n2', 'n3', 'n4');
    expect(hosts('all.service')).toEqual(['n1', 'n2', 'n3', 'n4']);
    await cluster.delete('Node', 'n2');
    cluster.inbox = [];
    await settle('n1', 'n3', 'n4');
    expect(hosts('all.service')).toEqual(['n1', 'n3', 'n4']);
  });

  test('stays with a host that is cut off, and is not fenced', async () => {
    await cluster.create(unit('all.service', { fleet: 'Global=true' }));
    await settle('n1', 'n2', 'n3');
    await pass(300, 'n2', 'n3');
    expect(hosts('all.service')).toEqual(['n1', 'n2', 'n3']);
    expect(assignedUnits(cluster.state, 'n1')).toMatchObject([{ fenced: false }]);
    await cluster.delete('Unit', 'all.service');
    await settle('n2', 'n3');
    expect(cluster.state.list('Unit')).toEqual([]);
  });

  test('that is made an ordinary one leaves every host before it is placed', async () => {
    await cluster.create(unit('all.service', { fleet: 'Global=true' }));
    await settle('n1', 'n2', 'n3');
    await cluster.edit('Unit', 'all.service', ({ spec }) => void (spec.contents = spec.contents.replace('true', 'false')), '');
    hear(['n1', 'n2', 'n3'], (each) => (each.desired === 'absent' ? undefined : {}));
    await cluster.settle();
    expect(hosts('all.service')).toHaveLength(3);
    await settle('n1', 'n2', 'n3');
    expect(hosts('all.service')).toHaveLength(1);
  });
});

test('what units take of a host is not promised to pods, nor the other way round', async () => {
  cluster = await TestCluster.with(host('n1'));
  await cluster.create(unit('a.service', { contents: '[Service]\nExecStart=/x\nCPUQuota=300%\n' }));
  await cluster.settle();
  await cluster.create(pod('fits', { requests: { cpu: '1' } }));
  await cluster.create(pod('not', { requests: { cpu: '1' } }));
  await cluster.settle();
  expect(cluster.pods.filter(({ spec }) => spec.nodeName).map(({ metadata }) => metadata.name)).toEqual(['fits']);
  await cluster.create(unit('b.service', { contents: '[Service]\nExecStart=/x\nCPUQuota=10%\n' }));
  await cluster.settle();
  expect(whyNot('b.service')).toContain('0/1 nodes are available: 1 Insufficient CPU.');
});
