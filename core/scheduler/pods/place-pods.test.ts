import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { node, type NodeOptions, pod, type PodOptions } from '../../../test/support/builders.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Affinity, NodeSelectorTerm, Pod } from '../../resources/schema/pod.ts';
import { explainRefusals } from '../explain.ts';
import { hostPortsOf } from '../host-ports.ts';
import type { Strategy } from '../engine/work.ts';
import { placePods } from './place-pods.ts';
import { amountsOf, podRequests } from '../requests.ts';
import { untoleratedTaint } from '../taints.ts';

const placeOne = (nodes: Node[], pending: Pod, bound: Pod[] = []) => placePods({ nodes, bound, pending: [pending] })[0]!;
const why = (nodes: Node[], pending: Pod, bound: Pod[] = []) => {
  const placement = placeOne(nodes, pending, bound);
  return placement.nodeName === undefined ? explainRefusals(nodes.length, placement.refusals) : placement.nodeName;
};

describe('the scheduler', () => {
  test('takes the node with most room left', () => {
    const nodes = [node('a', { cpu: '2' }), node('b', { cpu: '8' })];
    expect(placeOne(nodes, pod('p', { requests: { cpu: '1' } })).nodeName).toBe('b');
  });

  test('spreads the pods of one owner before it looks at room', () => {
    const nodes = [node('big', { cpu: '64', memory: '256Gi' }), node('small')];
    const bound = [pod('first', { nodeName: 'big', owner: 'rs' })];
    expect(placeOne(nodes, pod('second', { owner: 'rs' }), bound).nodeName).toBe('small');
  });

  test('breaks ties by name, whatever the order of the nodes', () => {
    expect(placeOne([node('b'), node('a')], pod('p')).nodeName).toBe('a');
  });

  test('avoids a PreferNoSchedule taint, but not at any price', () => {
    const soft = node('soft', { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] });
    expect(placeOne([soft, node('tiny', { cpu: '1' })], pod('p', { requests: { cpu: '1' } })).nodeName).toBe('tiny');
    expect(placeOne([soft, node('tiny', { cpu: '1' })], pod('p', { requests: { cpu: '2' } })).nodeName).toBe('soft');
  });

  test('counts init containers by their maximum and limits as requests', () => {
    const requests = podRequests(
      pod('p', {
        spec: {
          initContainers: [{ name: 'init', image: 'i', resources: { requests: { cpu: '3' } } }],
          containers: [
            { name: 'a', image: 'i', resources: { limits: { cpu: '1', memory: '1Gi' } } },
            { name: 'b', image: 'i', resources: { requests: { cpu: '500m' } } },
          ],
        },
      }),
    );
    expect(Object.fromEntries(requests)).toEqual({ cpu: 3000, memory: 2 ** 30 });
  });

  test("says how many nodes each filter refused, in kubectl users' words", () => {
    const nodes = [
      node('full', { cpu: '1' }),
      node('fuller', { cpu: '1', pods: '1' }),
      node('tainted', { taints: [{ key: 'gpu', value: 'only', effect: 'NoSchedule' }] }),
      node('cordoned', { unschedulable: true }),
      node('down', { ready: 'False' }),
      node('elsewhere', { labels: { disk: 'hdd' } }),
    ].map((each) => {
      if (each.metadata.name !== 'elsewhere') each.metadata.labels!['disk'] = 'ssd';
      return each;
    });
    const bound = [pod('b', { nodeName: 'fuller' })];
    expect(why(nodes, pod('p', { requests: { cpu: '2' }, nodeSelector: { disk: 'ssd' } }), bound)).toBe(
      "0/6 nodes are available: 1 Too many pods, 1 node(s) didn't match Pod's node affinity/selector, " +
        '1 node(s) had untolerated taint {gpu: only}, 1 node(s) were not ready, 1 node(s) were unschedulable, 2 Insufficient cpu.',
    );
  });

  test('gives the node that is kept for a pod to nobody else, though more would fit, and have waited longer', () => {
    const small = ['b', 'c'].map((name) => pod(name, { requests: { cpu: '2' } }));
    const kept = pod('z', { requests: { cpu: '4' }, status: { phase: 'Pending', nominatedNodeName: 'a' } });
    const placed = placePods({ nodes: [node('a', { cpu: '4' })], bound: [], pending: [...small, kept] });
    expect(placed.map(({ pod: { metadata }, nodeName }) => [metadata.name, nodeName])).toEqual([
      ['b', undefined],
      ['c', undefined],
      ['z', 'a'],
    ]);
  });

  test('says so when there is no node at all', () => {
    expect(why([], pod('p'))).toBe('0/0 nodes are available: no host has joined the cluster yet.');
  });

  test('gives a host port to one pod a node', () => {
    const nodes = [node('a'), node('b')];
    const pending = ['p', 'q', 'r'].map((name) => pod(name, { hostPort: 80 }));
    const placed = placePods({ nodes, bound: [], pending });
    expect(placed.map(({ nodeName }) => nodeName)).toEqual(['a', 'b', undefined]);
    expect(
      why(nodes, pending[2]!, [pod('x', { nodeName: 'a', hostPort: 80 }), pod('y', { nodeName: 'b', hostPort: 80 })]),
    ).toContain("2 node(s) didn't have free ports for the requested pod ports");
  });

  const label = fc.constantFrom('red', 'blue');
  const nodeOptions: fc.Arbitrary<NodeOptions> = fc.record(
    {
      cpu: fc.constantFrom('500m', '1', '2', '4'),
      memory: fc.constantFrom('512Mi', '1Gi', '4Gi'),
      pods: fc.constantFrom('1', '3', '110'),
      labels: label.map((colour) => ({ colour })),
      taints: fc.constantFrom(
        [],
        [{ key: 'gpu', effect: 'NoSchedule' as const }],
        [{ key: 'gpu', effect: 'NoExecute' as const }],
      ),
      unschedulable: fc.boolean(),
      ready: fc.constantFrom('True' as const, 'True' as const, 'False' as const),
    },
    { requiredKeys: [] },
  );
  const podOptions: fc.Arbitrary<PodOptions> = fc.record(
    {
      requests: fc.record({ cpu: fc.constantFrom('0', '250m', '1', '3'), memory: fc.constantFrom('0', '256Mi', '2Gi') }),
      nodeSelector: label.map((colour) => ({ colour })),
      tolerations: fc.constantFrom([], [{ key: 'gpu', operator: 'Exists' as const }]),
      hostPort: fc.constantFrom(80, 443),
      owner: fc.constantFrom('rs-1', 'rs-2'),
    },
    { requiredKeys: [] },
  );
  const cluster = fc.record({
    nodes: fc.array(nodeOptions, { maxLength: 6 }).map((all) => all.map((options, index) => node(`n${index}`, options))),
    pending: fc.array(podOptions, { maxLength: 30 }).map((all) => all.map((options, index) => pod(`p${index}`, options))),
  });

  const strategies = fc.constantFrom<Strategy>('pack', 'spread');

  test('never promises room twice, nor overrides selectors, taints, ports or cordons', () => {
    fc.assert(
      fc.property(cluster, strategies, ({ nodes, pending }, strategy) => {
        const placements = placePods({ nodes, bound: [], pending, strategy });
        expect(placements.map((placement) => placement.pod)).toEqual(pending);
        for (const { metadata, spec, status } of nodes) {
          const here = placements.filter(({ nodeName }) => nodeName === metadata.name).map((placement) => placement.pod);
          const there = amountsOf(status?.allocatable, 'down');
          for (const resource of ['cpu', 'memory'])
            expect(here.reduce((sum, each) => sum + (podRequests(each).get(resource) ?? 0), 0)).toBeLessThanOrEqual(
              there.get(resource)!,
            );
          expect(here.length).toBeLessThanOrEqual(there.get('pods')!);
          const ports = here.flatMap((each) => hostPortsOf(each.spec).map(({ port }) => port));
          expect(new Set(ports).size).toBe(ports.length);
          if (here.length > 0) expect([spec?.unschedulable ?? false, status?.conditions?.[0]?.status]).toEqual([false, 'True']);
          for (const each of here) {
            expect(metadata.labels).toMatchObject(each.spec.nodeSelector ?? {});
            expect(untoleratedTaint(each.spec.tolerations, spec?.taints)).toBeUndefined();
          }
        }
      }),
    );
  });

  test('leaves no pod waiting that would fit somewhere', () => {
    fc.assert(
      fc.property(cluster, strategies, ({ nodes, pending }, strategy) => {
        const placements = placePods({ nodes, bound: [], pending, strategy });
        const bound = placements.flatMap(({ pod: each, nodeName }) =>
          nodeName ? [{ ...each, spec: { ...each.spec, nodeName } }] : [],
        );
        for (const { pod: left, nodeName } of placements)
          if (!nodeName) expect(placeOne(nodes, left, bound).nodeName).toBeUndefined();
      }),
    );
  });

  test('decides the same again, whatever the order in which nodes and bound pods come', () => {
    fc.assert(
      fc.property(cluster, strategies, fc.infiniteStream(fc.nat()), ({ nodes, pending }, strategy, shuffle) => {
        const half = Math.floor(pending.length / 2);
        const bound = placePods({ nodes, bound: [], pending: pending.slice(0, half), strategy }).flatMap(
          ({ pod: each, nodeName }) => (nodeName ? [{ ...each, spec: { ...each.spec, nodeName } }] : []),
        );
        const rest = pending.slice(half);
        const mixed = <T>(items: readonly T[]) =>
          items
            .map((item) => ({ item, at: shuffle.next().value! }))
            .sort((a, b) => a.at - b.at)
            .map(({ item }) => item);
        const names = (input: Parameters<typeof placePods>[0]) => placePods(input).map(({ nodeName }) => nodeName);
        expect(names({ nodes: mixed(nodes), bound: mixed(bound), pending: rest, strategy })).toEqual(
          names({ nodes, bound, pending: rest, strategy }),
        );
      }),
    );
  });
});

test.each<Strategy>(['pack', 'spread'])(
  'if not all fit, those that have waited longest are placed, and the others say why (%s)',
  (strategy) => {
    const nodes = [node('a', { cpu: '4' })];
    const small = [1, 2, 3].map((index) => pod(`p${index}`, { requests: { cpu: '1' } }));
    const placements = placePods({ nodes, bound: [], pending: [...small, pod('large', { requests: { cpu: '4' } })], strategy });
    expect(placements.map(({ nodeName }) => nodeName)).toEqual(['a', 'a', 'a', undefined]);
    const [last] = placements.slice(-1);
    expect(last!.nodeName === undefined && explainRefusals(1, last!.refusals)).toBe(
      '0/1 nodes are available: 1 Insufficient cpu.',
    );
  },
);

test('packed pods change places until each host has room for what comes next', () => {
  const nodes = ['a', 'b'].map((name) => node(name, { cpu: '12', memory: '12Gi' }));
  const pods = (name: string, count: number, cpu: string, memory: string) =>
    Array.from({ length: count }, (_, index) => pod(`${name}${index}`, { requests: { cpu, memory } }));
  const pending = [...pods('heavy', 4, '1', '3Gi'), ...pods('lean', 4, '3', '1Gi'), ...pods('even', 2, '4', '4Gi')];
  const placements = placePods({ nodes, bound: [], pending, strategy: 'pack' });
  expect(placements.filter(({ nodeName }) => nodeName === undefined)).toEqual([]);
});

test('many pods on many hosts are spread evenly, whoever they belong to', () => {
  const nodes = Array.from({ length: 100 }, (_, index) => node(`n${index}`));
  const pending = Array.from({ length: 500 }, (_, index) =>
    pod(`p${index}`, { requests: { cpu: '100m' }, labels: { own: `${index}` } }),
  );
  const counts = new Map<string, number>();
  for (const { nodeName } of placePods({ nodes, bound: [], pending })) counts.set(nodeName!, (counts.get(nodeName!) ?? 0) + 1);
  expect([...new Set(counts.values())]).toEqual([5]);
});

describe('what pods may ask of a place', () => {
  const ZONE = 'topology.kubernetes.io/zone';
  const nodes = [
    node('a1', { labels: { [ZONE]: 'a', cores: '4' } }),
    node('a2', { labels: { [ZONE]: 'a', cores: '8' } }),
    node('b1', { labels: { [ZONE]: 'b', cores: '16' } }),
  ];
  const homes = (pending: Pod[], bound: Pod[] = []) => placePods({ nodes, bound, pending }).map(({ nodeName }) => nodeName);
  const withAffinity = (affinity: Affinity, labels: Record<string, string> = { app: 'x' }) =>
    pod('p', { labels, spec: { affinity } });
  const require = (nodeSelectorTerms: NodeSelectorTerm[]): Affinity => ({
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  });

  test.each<[string, NodeSelectorTerm[], string[]]>([
    ['In', [{ matchExpressions: [{ key: ZONE, operator: 'In', values: ['b', 'c'] }] }], ['b1']],
    ['NotIn', [{ matchExpressions: [{ key: ZONE, operator: 'NotIn', values: ['a'] }] }], ['b1']],
    ['DoesNotExist', [{ matchExpressions: [{ key: ZONE, operator: 'DoesNotExist' }] }], []],
    ['Gt', [{ matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['8'] }] }], ['b1']],
    [
      'all of one term',
      [
        {
          matchExpressions: [
            { key: ZONE, operator: 'In', values: ['a'] },
            { key: 'cores', operator: 'Lt', values: ['8'] },
          ],
        },
      ],
      ['a1'],
    ],
    ['metadata.name', [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a2'] }] }], ['a2']],
    [
      'one of the terms',
      [
        { matchExpressions: [{ key: ZONE, operator: 'In', values: ['c'] }] },
        { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b1'] }] },
      ],
      ['b1'],
    ],
    ['an empty term, which means no node', [{}], []],
  ])('node affinity by %s', (_, terms, expected) => {
    expect(homes([withAffinity(require(terms))]).filter(Boolean)).toEqual(expected);
  });

  test('preferred node affinity, the heaviest first, and no more than preferred', () => {
    const prefer = (weight: number, zone: string) => ({
      weight,
      preference: { matchExpressions: [{ key: ZONE, operator: 'In' as const, values: [zone] }] },
    });
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [prefer(1, 'a'), prefer(50, 'b')] } };
    expect(homes([withAffinity(affinity)])).toEqual(['b1']);
    expect(
      homes([pod('p', { requests: { cpu: '3' }, spec: { affinity } })], [pod('x', { nodeName: 'b1', requests: { cpu: '2' } })]),
    ).toEqual(['a1']);
  });

  test('pods that keep away from each other get a host each, and the next one waits and says why', () => {
    const affinity: Affinity = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'x' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    };
    const placed = placePods({ nodes, bound: [], pending: Array.from({ length: 4 }, () => withAffinity(affinity)) });
    expect(new Set(placed.map(({ nodeName }) => nodeName)).size).toBe(4);
    const [last] = placed.filter(({ nodeName }) => nodeName === undefined) as { refusals: ReadonlyMap<string, number> }[];
    expect(explainRefusals(3, last!.refusals)).toBe("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.");
    // It holds the other way round as well, and only in its own namespace.
    const bound = nodes.map(({ metadata }) => ({
      ...withAffinity(affinity),
      spec: { ...withAffinity(affinity).spec, nodeName: metadata.name },
    }));
    expect(homes([pod('plain', { labels: { app: 'x' } })], bound)).toEqual([undefined]);
    expect(homes([pod('plain', { namespace: 'other', labels: { app: 'x' } })], bound)).not.toEqual([undefined]);
  });

  test('a pod goes where the pods are that it needs, in whatever order both come', () => {
    const near = (topologyKey: string): Affinity => ({
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'db' } }, topologyKey }],
      },
    });
    const db = pod('db', { labels: { app: 'db' }, nodeSelector: { [ZONE]: 'b' } });
    expect(homes([withAffinity(near(ZONE)), db])).toEqual(['b1', 'b1']);
    expect(homes([withAffinity(near('kubernetes.io/hostname'))], [pod('db', { labels: { app: 'db' }, nodeName: 'a2' })])).toEqual(
      ['a2'],
    );
    expect(homes([withAffinity(near(ZONE))])).toEqual([undefined]);
    expect(homes([withAffinity(near(ZONE), { app: 'db' })])).not.toEqual([undefined]);
  });

  test('pods are kept even over zones, and wait if that can not be', () => {
    const spec = (extra: object = {}) => ({
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: ZONE,
          whenUnsatisfiable: 'DoNotSchedule' as const,
          labelSelector: { matchLabels: { app: 'x' } },
          ...extra,
        },
      ],
    });
    const pending = Array.from({ length: 4 }, (_, index) => pod(`p${index}`, { labels: { app: 'x' }, spec: spec() }));
    const zones = homes(pending).map((name) => name![0]);
    expect(zones.filter((zone) => zone === 'a')).toHaveLength(2);
    const lopsided = ['1', '2'].map((name) => pod(name, { labels: { app: 'x' }, nodeName: 'a1' }));
    expect(
      homes(
        [pod('p', { labels: { app: 'x' }, nodeSelector: { [ZONE]: 'a' }, spec: spec({ nodeAffinityPolicy: 'Ignore' }) })],
        lopsided,
      ),
    ).toEqual([undefined]);
    expect(homes([pod('p', { labels: { app: 'x' }, nodeSelector: { [ZONE]: 'a' }, spec: spec() })], lopsided)).not.toEqual([
      undefined,
    ]);
    expect(homes([pod('p', { labels: { app: 'x' }, spec: spec({ minDomains: 3 }) })], lopsided)).toEqual(['b1']);
  });
});
