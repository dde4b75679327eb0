import { describe, expect, test } from '@jest/globals';
import { deployment, heard, node, nodeStatus, pod, podReport, running, SECOND, T0 } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { findCondition } from '../conditions.ts';
import { podCondition } from '../pod-state.ts';
import { NOT_READY, UNREACHABLE } from './taints.ts';

/** Nodes that are heard of at the present time, each with what it runs. */
function hear(cluster: TestCluster, ...names: string[]): void {
  const silent = cluster.inbox.filter(({ nodeName }) => !names.includes(nodeName));
  cluster.inbox = [
    ...silent,
    ...names.map((name) =>
      heard(name, cluster.now, { pods: cluster.state.podsOn(name).map((each) => podReport(each, running(true))) }),
    ),
  ];
}

/** Two hosts and a Deployment of two, all well. */
async function healthy(podSpec: NonNullable<Parameters<typeof deployment>[1]>['podSpec'] = {}): Promise<TestCluster> {
  const cluster = await TestCluster.with();
  hear(cluster, 'n1', 'n2');
  await cluster.create(deployment('web', { replicas: 2, podSpec }));
  await cluster.settle();
  hear(cluster, 'n1', 'n2');
  await cluster.settle();
  return cluster;
}

/** `seconds` pass in which only these are heard, every 20 s. */
async function pass(cluster: TestCluster, seconds: number, ...names: string[]): Promise<void> {
  for (let left = seconds; left > 0; left -= 20) {
    cluster.now += Math.min(left, 20) * SECOND;
    hear(cluster, ...names);
    await cluster.settle();
  }
}

const readiness = (cluster: TestCluster, name: string) =>
  findCondition(cluster.get('Node', name).status?.conditions, 'Ready')?.status;
const taints = (cluster: TestCluster, name: string) => (cluster.get('Node', name).spec?.taints ?? []).map(({ key }) => key);
const homes = (cluster: TestCluster) => cluster.pods.map(({ spec }) => spec.nodeName).sort((a, b) => (a! < b! ? -1 : 1));

describe('a host that falls silent', () => {
  test('is given up after 60 s, and the controllers ask to be woken for that', async () => {
    const cluster = await healthy();
    const outcome = await cluster.settle();
    expect(outcome.wakeAt).toBe(T0 + 60 * SECOND);
    await pass(cluster, 59, 'n1');
    expect(readiness(cluster, 'n2')).toBe('True');
    await pass(cluster, 1, 'n1');
    expect(findCondition(cluster.get('Node', 'n2').status?.conditions, 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
    });
    expect(taints(cluster, 'n2')).toEqual([UNREACHABLE]);
    expect(cluster.events('NodeNotReady').filter(({ involvedObject }) => involvedObject.kind === 'Node')).toHaveLength(1);
  });

  test('no longer counts as serving: its pods are not ready', async () => {
    const cluster = await healthy();
    await pass(cluster, 60, 'n1');
    expect(cluster.get('Deployment', 'web').status?.readyReplicas).toBe(1);
    expect(cluster.state.podsOn('n2').map((each) => podCondition(each, 'Ready')?.status)).toEqual(['False']);
  });

  test('loses its pods 60 s later, at once and for good, and they are replaced elsewhere', async () => {
    const cluster = await healthy();
    await pass(cluster, 119, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n2']);
    await pass(cluster, 1, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n1']);
    expect(cluster.events('TaintManagerEviction')).toHaveLength(1);
  });

  test('keeps pods that tolerate it, for as long as they do', async () => {
    const tolerations = [{ key: UNREACHABLE, operator: 'Exists' as const, effect: 'NoExecute' as const, tolerationSeconds: 200 }];
    const cluster = await healthy({ tolerations });
    await pass(cluster, 259, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n2']);
    await pass(cluster, 1, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n1']);
    const forever = await healthy({ tolerations: [{ key: UNREACHABLE, operator: 'Exists' }] });
    await pass(forever, 900, 'n1');
    expect(homes(forever)).toEqual(['n1', 'n2']);
  });

  test('that comes back in time keeps its pods', async () => {
    const cluster = await healthy();
    await pass(cluster, 100, 'n1');
    await pass(cluster, 60, 'n1', 'n2');
    expect([readiness(cluster, 'n2'), taints(cluster, 'n2'), homes(cluster)]).toEqual(['True', [], ['n1', 'n2']]);
    expect(cluster.get('Deployment', 'web').status?.readyReplicas).toBe(2);
  });

  test("that comes back late is clean: what it still runs is nobody's any more", async () => {
    const cluster = await healthy();
    const [lost] = cluster.state.podsOn('n2');
    await pass(cluster, 120, 'n1');
    cluster.now += SECOND;
    hear(cluster, 'n1');
    cluster.inbox.push(heard('n2', cluster.now, { pods: [podReport(lost!, running(true))] }));
    cluster.inbox = cluster.inbox.filter((item) => item.nodeName !== 'n2' || item.receivedAt === cluster.now);
    await cluster.settle();
    expect(readiness(cluster, 'n2')).toBe('True');
    expect(cluster.state.podsOn('n2')).toEqual([]);
  });

  test('takes terminating pods with it: nobody is left to confirm their end', async () => {
    const cluster = await healthy();
    const [lost] = cluster.state.podsOn('n2');
    await cluster.delete('Pod', lost!.metadata.name);
    await pass(cluster, 120, 'n1');
    expect(cluster.state.get('Pod', 'default', lost!.metadata.name)).toBeUndefined();
  });

  test('with all others keeps its pods: there is nowhere to go', async () => {
    const cluster = await healthy();
    await pass(cluster, 600);
    expect(homes(cluster)).toEqual(['n1', 'n2']);
    // The first that is back does not get everything at once: the others have their time again.
    await pass(cluster, 79, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n2']);
    await pass(cluster, 1, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n1']);
  });

  test('is given up sooner if the cluster is set so', async () => {
    const cluster = await healthy();
    await cluster.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cluster-settings', namespace: 'terrane-system' },
      data: { notReadySeconds: '15', evictionSeconds: '0' },
    } as { kind: string });
    await pass(cluster, 15, 'n1');
    expect(homes(cluster)).toEqual(['n1', 'n1']);
  });
});

/** n2 reports every 5 minutes only, because it is connected. */
async function relaxed(): Promise<TestCluster> {
  const cluster = await healthy();
  cluster.inbox = cluster.inbox.map((item) =>
    item.nodeName === 'n2' ? { ...item, report: { ...item.report, withinSeconds: 300 } } : item,
  );
  return cluster;
}

describe('a host that reports every few minutes, since it is connected', () => {
  test('is not missed before a report is overdue', async () => {
    const cluster = await relaxed();
    await pass(cluster, 419, 'n1');
    expect(readiness(cluster, 'n2')).toBe('True');
    await pass(cluster, 1, 'n1');
    expect(readiness(cluster, 'n2')).toBe('Unknown');
  });

  test('is given up a host timeout after its connection was lost, unless it reports by then', async () => {
    const lose = (cluster: TestCluster) => {
      cluster.inbox = cluster.inbox.map((item) => (item.nodeName === 'n2' ? { ...item, lostAt: cluster.now } : item));
    };
    const gone = await relaxed();
    lose(gone);
    await pass(gone, 60, 'n1');
    expect(readiness(gone, 'n2')).toBe('Unknown');

    const back = await relaxed();
    lose(back);
    await pass(back, 20, 'n1', 'n2');
    await pass(back, 59, 'n1');
    expect(readiness(back, 'n2')).toBe('True');
  });
});

describe('a node', () => {
  test('that says it is not ready gets no pods, and loses its pods gracefully', async () => {
    const cluster = await healthy();
    const unwell = () => {
      cluster.inbox = cluster.inbox.map((item) =>
        item.nodeName === 'n2' ? { ...item, report: { ...item.report, node: nodeStatus({ ready: 'False' }) } } : item,
      );
    };
    for (let step = 0; step < 4; step++) {
      cluster.now += 20 * SECOND;
      hear(cluster, 'n1', 'n2');
      unwell();
      await cluster.settle();
    }
    expect(taints(cluster, 'n2')).toEqual([NOT_READY]);
    expect(cluster.state.podsOn('n2').map(({ metadata }) => metadata.deletionGracePeriodSeconds)).toEqual([30]);
    expect(cluster.state.podsOn('n1')).toHaveLength(2);
  });

  test('with a NoExecute taint loses the pods that do not tolerate it', async () => {
    const cluster = await healthy();
    await cluster.edit('Node', 'n2', (each) => void (each.spec = { taints: [{ key: 'out', effect: 'NoExecute' }] }), '');
    await cluster.settle();
    expect(cluster.state.podsOn('n2').every(({ metadata }) => metadata.deletionTimestamp)).toBe(true);
    expect(cluster.state.podsOn('n1')).toHaveLength(2);
  });

  test('that was removed leaves no pods behind', async () => {
    const cluster = await TestCluster.with(node('n1'), node('n2'), deployment('web', { replicas: 2 }));
    await cluster.settle();
    await cluster.delete('Node', 'n2');
    await cluster.settle();
    expect(homes(cluster)).toEqual(['n1', 'n1']);
    expect(cluster.events('NodeRemoved')).toHaveLength(1);
  });

  test('that is deleted stays until its host is shut out, so that a late report does not bring it back', async () => {
    const cluster = await healthy();
    await cluster.delete('Node', 'n2');
    await cluster.settle();
    expect(cluster.get('Node', 'n2').metadata.deletionTimestamp).toBeDefined();
    cluster.inbox = cluster.inbox.filter(({ nodeName }) => nodeName !== 'n2');
    await cluster.settle();
    expect(cluster.state.get('Node', '', 'n2')).toBeUndefined();
    expect(homes(cluster)).toEqual(['n1', 'n1']);
  });

  test('that is deleted while its host may go on reporting is made anew', async () => {
    const cluster = await healthy();
    const { uid } = cluster.get('Node', 'n2').metadata;
    await cluster.delete('Node', 'n2');
    await pass(cluster, 20, 'n1', 'n2');
    expect(cluster.get('Node', 'n2').metadata.uid).not.toBe(uid);
    expect(readiness(cluster, 'n2')).toBe('True');
  });
});

describe('what a host reports', () => {
  test('makes its Node', async () => {
    const cluster = await TestCluster.with();
    cluster.inbox = [heard('n1', cluster.now, { labels: { 'kubernetes.io/arch': 'amd64', rack: 'r1' } })];
    await cluster.settle();
    expect(cluster.get('Node', 'n1')).toMatchObject({
      metadata: { labels: { 'kubernetes.io/arch': 'amd64', rack: 'r1' } },
      status: { allocatable: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] },
    });
  });

  test('is no change as long as it says the same', async () => {
    const cluster = await healthy();
    const { revision } = cluster.keyspace.view();
    cluster.now += 20 * SECOND;
    hear(cluster, 'n1', 'n2');
    cluster.inbox = cluster.inbox.map((item) => {
      const conditions = item.report.node.conditions?.map((each) => ({
        ...each,
        lastHeartbeatTime: new Date(cluster.now).toISOString(),
      }));
      return { ...item, report: { ...item.report, node: { ...item.report.node, conditions } } };
    });
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });

  test('does not overrule labels that people gave, and can not claim a role', async () => {
    const cluster = await healthy();
    await cluster.edit('Node', 'n1', ({ metadata }) => void Object.assign(metadata.labels!, { rack: 'people' }), '');
    const labels = { rack: 'host', 'node-role.kubernetes.io/master': '', 'kubernetes.io/arch': 'arm64' };
    cluster.inbox = [heard('n1', cluster.now, { labels })];
    await cluster.settle();
    expect(cluster.get('Node', 'n1').metadata.labels).toEqual({
      'kubernetes.io/hostname': 'n1',
      'kubernetes.io/arch': 'arm64',
      rack: 'people',
    });
  });

  test('of a pod on another host, or of an earlier pod of the same name, is not heard', async () => {
    const cluster = await healthy();
    const [theirs] = cluster.state.podsOn('n2');
    const [own] = cluster.state.podsOn('n1');
    const failed = { phase: 'Failed' } as const;
    const { revision } = cluster.keyspace.view();
    cluster.inbox = [
      heard('n1', cluster.now, {
        pods: [podReport(theirs!, failed), podReport(theirs!, failed, true), { ...podReport(own!, failed), uid: 'earlier' }],
        events: [{ id: 'e', at: T0, type: 'Warning', reason: 'Lies', message: '', pod: podReport(theirs!, failed) }].map(
          (event) => ({ ...event, type: 'Warning' as const }),
        ),
      }),
    ];
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });

  test('ends a pod that was being deleted, and no other', async () => {
    const cluster = await TestCluster.with(node('n1'), pod('stays', { nodeName: 'n1' }), pod('goes', { nodeName: 'n1' }));
    await cluster.delete('Pod', 'goes');
    const gone = cluster.pods.map((each) => podReport(each, running(true), true));
    cluster.inbox = [heard('n1', cluster.now, { pods: gone })];
    await cluster.settle();
    expect(cluster.pods.map(({ metadata }) => metadata.name)).toEqual(['stays']);
  });

  test('never brings a finished pod back', async () => {
    const cluster = await TestCluster.with(node('n1'), pod('job', { nodeName: 'n1', status: { phase: 'Succeeded' } }));
    cluster.inbox = [heard('n1', cluster.now, { pods: cluster.pods.map((each) => podReport(each, running(true))) })];
    await cluster.settle();
    expect(cluster.get('Pod', 'job').status?.phase).toBe('Succeeded');
  });

  test('becomes Events, each once however often it is repeated', async () => {
    const cluster = await TestCluster.with(node('n1'), pod('p', { nodeName: 'n1' }));
    const [about] = cluster.pods;
    const { uid } = about!.metadata;
    const event = { id: '7', at: T0, type: 'Warning' as const, reason: 'BackOff', message: 'Back-off', container: 'app' };
    cluster.inbox = [heard('n1', cluster.now, { events: [{ ...event, pod: { namespace: 'default', name: 'p', uid } }] })];
    await cluster.settle();
    cluster.now += SECOND;
    await cluster.settle();
    expect(cluster.events('BackOff')).toMatchObject([
      { count: 1, involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'spec.containers{app}' }, source: { host: 'n1' } },
    ]);
  });

  test('before a long silence is not taken for the present', async () => {
    const cluster = await healthy();
    await pass(cluster, 60, 'n1');
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });
});
