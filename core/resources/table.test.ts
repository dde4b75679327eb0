import { describe, expect, test } from '@jest/globals';
import { humanDuration } from './duration.ts';
import { kindByName, type KindDefinition } from './kinds/index.ts';
import type { AnyResource, KindName } from './schema/kinds.ts';
import { NOW } from './testing/fixtures.ts';
import { toTable } from './table.ts';

const cells = (kind: KindName, object: object) => {
  const stamped = { metadata: { name: 'a', creationTimestamp: new Date(NOW - 90_000).toISOString() }, ...object } as AnyResource;
  const definition = kindByName(kind) as KindDefinition;
  const table = toTable(definition, [stamped], { nowMs: NOW });
  return Object.fromEntries(table.columnDefinitions.map(({ name }, index) => [name, table.rows[0]!.cells[index]]));
};
const status = (state: object, more: object = {}) => ({
  name: 'c',
  state,
  lastState: {},
  ready: false,
  restartCount: 0,
  image: '',
  imageID: '',
  ...more,
});
const aPod = (podStatus: object, extra: object = {}) => ({
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: podStatus,
  ...extra,
});

describe('the STATUS of a pod', () => {
  test.each([
    ['Pending', { phase: 'Pending' }],
    ['Running', { phase: 'Running', containerStatuses: [status({ running: {} }, { ready: true })] }],
    ['CrashLoopBackOff', { phase: 'Running', containerStatuses: [status({ waiting: { reason: 'CrashLoopBackOff' } })] }],
    ['ErrImagePull', { phase: 'Pending', containerStatuses: [status({ waiting: { reason: 'ErrImagePull' } })] }],
    ['Completed', { phase: 'Succeeded', containerStatuses: [status({ terminated: { exitCode: 0, reason: 'Completed' } })] }],
    ['ExitCode:3', { phase: 'Failed', containerStatuses: [status({ terminated: { exitCode: 3 } })] }],
    ['Signal:9', { phase: 'Failed', containerStatuses: [status({ terminated: { exitCode: 137, signal: 9 } })] }],
    ['Evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['Init:0/1', { phase: 'Pending', initContainerStatuses: [status({ running: {} })] }],
    ['Init:Error', { phase: 'Pending', initContainerStatuses: [status({ terminated: { exitCode: 1, reason: 'Error' } })] }],
  ])('is %s', (shown, podStatus) => {
    expect(cells('Pod', aPod(podStatus)).Status).toBe(shown);
  });

  test('is Terminating while it is deleted', () => {
    const metadata = { name: 'a', deletionTimestamp: '2024-01-01T00:00:00Z' };
    expect(cells('Pod', aPod({ phase: 'Running' }, { metadata })).Status).toBe('Terminating');
  });
});

test('the restarts of a pod say when the last one was', () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: new Date(NOW - 300_000).toISOString() } };
  const row = cells(
    'Pod',
    aPod({ phase: 'Running', containerStatuses: [status({ running: {} }, { restartCount: 4, ready: true, lastState })] }),
  );
  expect([row.Ready, row.Restarts, row.Age]).toEqual(['1/1', '4 (5m ago)', '90s']);
});

test('a node shows whether it is ready and takes pods, and its roles', () => {
  const metadata = { name: 'n', labels: { 'node-role.kubernetes.io/edge': '' } };
  const row = cells('Node', {
    metadata,
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'False' }], addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
  });
  expect(row).toMatchObject({
    Status: 'NotReady,SchedulingDisabled',
    Roles: 'edge',
    'Internal-IP': '10.0.0.1',
    'External-IP': '<none>',
  });
});

test('a service shows its ports', () => {
  expect(
    cells('Service', {
      spec: {
        type: 'NodePort',
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: 'UDP' },
        ],
      },
    }),
  ).toMatchObject({ 'Port(s)': '80:30080/TCP,53/UDP', 'Cluster-IP': '<none>' });
});

test.each([
  [-5_000, '<invalid>'],
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [200_000, '3m20s'],
  [10 * 60_000, '10m'],
  [3 * 3_600_000, '3h'],
  [5 * 3_600_000 + 12 * 60_000, '5h12m'],
  [30 * 3_600_000, '30h'],
  [3 * 86_400_000 + 4 * 3_600_000, '3d4h'],
  [40 * 86_400_000, '40d'],
  [800 * 86_400_000, '2y70d'],
  [4000 * 86_400_000, '10y'],
])('%i ms is shown as %s', (milliseconds, text) => {
  expect(humanDuration(milliseconds)).toBe(text);
});
