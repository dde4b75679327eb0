import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { node, type NodeOptions, pod, type PodOptions } from '../../test/support/builders.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { explainRefusals } from './explain.ts';
import { hostPortsOf } from './host-ports.ts';
import { placeLeastAllocated } from './least-allocated.ts';
import { amountsOf, podRequests } from './requests.ts';
import { untoleratedTaint } from './taints.ts';

const placeOne = (nodes: Node[], pending: Pod, bound: Pod[] = []) =>
  placeLeastAllocated({ nodes, bound, pending: [pending] })[0]!;
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

  test('says so when there is no node at all', () => {
    expect(why([], pod('p'))).toBe('0/0 nodes are available: no host has joined the cluster yet.');
  });

  test('gives a host port to one pod a node', () => {
    const nodes = [node('a'), node('b')];
    const pending = ['p', 'q', 'r'].map((name) => pod(name, { hostPort: 80 }));
    const placed = placeLeastAllocated({ nodes, bound: [], pending });
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

  test('never promises room twice, nor overrides selectors, taints, ports or cordons', () => {
    fc.assert(
      fc.property(cluster, ({ nodes, pending }) => {
        const placements = placeLeastAllocated({ nodes, bound: [], pending });
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
      fc.property(cluster, ({ nodes, pending }) => {
        const placements = placeLeastAllocated({ nodes, bound: [], pending });
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
      fc.property(cluster, fc.infiniteStream(fc.nat()), ({ nodes, pending }, shuffle) => {
        const half = Math.floor(pending.length / 2);
        const bound = placeLeastAllocated({ nodes, bound: [], pending: pending.slice(0, half) }).flatMap(
          ({ pod: each, nodeName }) => (nodeName ? [{ ...each, spec: { ...each.spec, nodeName } }] : []),
        );
        const rest = pending.slice(half);
        const mixed = <T>(items: readonly T[]) =>
          items
            .map((item) => ({ item, at: shuffle.next().value! }))
            .sort((a, b) => a.at - b.at)
            .map(({ item }) => item);
        const names = (input: Parameters<typeof placeLeastAllocated>[0]) =>
          placeLeastAllocated(input).map(({ nodeName }) => nodeName);
        expect(names({ nodes: mixed(nodes), bound: mixed(bound), pending: rest })).toEqual(
          names({ nodes, bound, pending: rest }),
        );
      }),
    );
  });
});
