import { describe, expect, test } from '@jest/globals';
import type { Deployment } from '../resources/schema/deployment.ts';
import type { Event } from '../resources/schema/event.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { type ClusterObjects, summarise } from './summarise.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const node = (status: 'True' | 'False' | undefined, extra: object = {}): Node =>
  ({
    metadata: { name: 'n' },
    status: { conditions: status ? [{ type: 'Ready', status, reason: 'R', message: 'm' }] : [] },
    ...extra,
  }) as Node;
const pod = (extra: object = {}): Pod =>
  ({
    metadata: { name: 'p', namespace: 'default', labels: { app: 'web' } },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'c', ready: true, state: { running: {} }, lastState: {} }] },
    ...extra,
  }) as unknown as Pod;
const owned = {
  name: 'p',
  namespace: 'default',
  labels: { app: 'web' },
  ownerReferences: [{ kind: 'ReplicaSet', name: 'r', uid: 'u', apiVersion: 'apps/v1', controller: true }],
};
const web = (available: number): Deployment =>
  ({
    metadata: { name: 'web', namespace: 'default', generation: 1 },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } } },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: available, availableReplicas: available },
  }) as unknown as Deployment;
const warning = (name: string, secondsAgo: number): Event =>
  ({
    metadata: {},
    involvedObject: { kind: 'Pod', name },
    reason: 'Failed',
    message: 'm',
    lastTimestamp: new Date(NOW - secondsAgo * 1000).toISOString(),
  }) as Event;
const of = (objects: Partial<ClusterObjects>) =>
  summarise({ nodes: [node('True')], deployments: [], pods: [], warnings: [], ...objects }, NOW);

test('all is well when nodes are ready and workloads are as wanted', () => {
  const status = of({ deployments: [web(1)], pods: [pod({ metadata: owned })], warnings: [warning('p', 5)] });
  expect(status).toMatchObject({
    healthy: true,
    warnings: [],
    workloads: [{ name: 'web', ready: 1, wanted: 1, healthy: true, why: [] }],
  });
  expect(status.nodes).toEqual([{ name: 'n', state: 'Ready', cordoned: false, pods: 1 }]);
});

describe('something is wrong, and why', () => {
  test('no node', () => expect(of({ nodes: [] }).healthy).toBe(false));
  test('a node that is not ready, or says nothing', () => {
    expect(of({ nodes: [node('False')] }).nodes[0]).toMatchObject({ state: 'NotReady', why: 'R: m' });
    expect(of({ nodes: [node(undefined)] }).nodes[0]).toMatchObject({ state: 'Unknown', why: 'NoReportYet' });
  });
  test('a pod that can not be placed says why', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes: 2 too little memory' },
    ];
    const pending = pod({ metadata: owned, status: { phase: 'Pending', conditions } });
    expect(of({ deployments: [web(0)], pods: [pending] }).workloads[0]!.why).toEqual([
      'Unschedulable: 0/2 nodes: 2 too little memory',
    ]);
  });
  test('the same reason of many pods is said once', () => {
    const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } };
    const crashing = pod({
      metadata: owned,
      status: {
        phase: 'Running',
        containerStatuses: [{ name: 'c', ready: false, state, lastState: { terminated: { exitCode: 3 } } }],
      },
    });
    expect(of({ deployments: [web(0)], pods: [crashing, crashing] }).workloads[0]!.why).toEqual([
      'c: CrashLoopBackOff: back-off 10s (last ended with exit code 3)',
    ]);
  });
  test('warnings are recent, newest first, each once', () => {
    const warnings = [warning('a', 100), warning('b', 5), warning('a', 50), warning('old', 3600)];
    expect(of({ nodes: [], warnings }).warnings.map(({ object }) => object)).toEqual(['pod/b', 'pod/a']);
  });
});

test('a pod without an owner is a workload of its own; one that has done its work is not', () => {
  expect(of({ pods: [pod()] }).workloads).toMatchObject([{ kind: 'Pod', name: 'p', healthy: true }]);
  expect(of({ pods: [pod({ status: { phase: 'Succeeded' } })] }).workloads).toEqual([]);
});
