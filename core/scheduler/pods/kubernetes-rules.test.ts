import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../resources/schema/pod.ts';
import type { Strategy } from '../engine/work.ts';
import { clusters } from '../testing/clusters.ts';
import { type Cluster, mayRun } from '../testing/kubernetes-rules.ts';
import { placePods } from './place-pods.ts';

/** placePods beside kube-scheduler's rules as plainly as they can be said. */

/** The same clusters in each run. With other seeds 100,000 clusters found nothing more. */
const SEED = 1;

const strategies = fc.constantFrom<Strategy>('pack', 'spread');
const priority = ({ spec }: Pod) => spec.priority ?? 0;
const named = ({ nodes }: Cluster, name: string) => nodes.find(({ metadata }) => metadata.name === name)!;
const able = (pod: Pod, cluster: Cluster) =>
  cluster.nodes.filter((node) => mayRun(pod, node, cluster)).map(({ metadata }) => metadata.name);
const without = (cluster: Cluster, gone: readonly Pod[]): Cluster => ({
  ...cluster,
  bound: cluster.bound.filter((pod) => !gone.includes(pod)),
});

/** Every other pod of an app is under a budget of as many as this. */
const budgetsOf = (allowed: number) =>
  ['a', 'b'].map((app) => ({ covers: ({ metadata }: Pod) => metadata.labels?.['app'] === app, allowed }));

describe("by Kubernetes' rules", () => {
  test('a pod goes to a node that may have it, waits only if none may, and is told of each of them why', () => {
    fc.assert(
      fc.property(clusters, strategies, ({ pending, ...cluster }, strategy) => {
        const pod = pending[0]!;
        const [placement] = placePods({ ...cluster, pending: [pod], strategy });
        if (placement!.nodeName !== undefined) {
          expect(able(pod, cluster)).toContain(placement!.nodeName);
          return;
        }
        expect(able(pod, cluster)).toEqual([]);
        const counts = [...placement!.refusals.values()];
        expect(Math.max(0, ...counts)).toBeLessThanOrEqual(cluster.nodes.length);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(cluster.nodes.length);
      }),
      { numRuns: 1_000, seed: SEED },
    );
  });

  test('of many pods none is left waiting that some node may have in the end, and what keeps others away keeps them away', () => {
    fc.assert(
      fc.property(clusters, strategies, ({ pending, ...cluster }, strategy) => {
        const placements = placePods({ ...cluster, pending, strategy });
        const at = (pod: Pod, nodeName: string): Pod => ({ ...pod, spec: { ...pod.spec, nodeName } });
        const kept = placements.flatMap((each) =>
          each.nodeName === undefined && each.nominated ? [at(each.pod, each.nominated.nodeName)] : [],
        );
        const placed = placements.flatMap(({ pod, nodeName }) => (nodeName === undefined ? [] : [at(pod, nodeName)]));
        const final = { ...cluster, bound: [...cluster.bound, ...placed, ...kept] };
        for (const pod of placed) {
          // Whom it was to be near, and how even it was, has an order: what came later may have changed it.
          const { podAffinity: _, ...affinity } = pod.spec.affinity ?? {};
          const { topologySpreadConstraints: __, ...spec } = pod.spec;
          expect(
            mayRun({ ...pod, spec: { ...spec, affinity } }, named(cluster, pod.spec.nodeName!), without(final, [pod, ...kept])),
          ).toBe(true);
        }
        if (kept.length > 0) return;
        for (const { pod, nodeName } of placements) if (nodeName === undefined) expect(able(pod, final)).toEqual([]);
      }),
      { numRuns: 500, seed: SEED },
    );
  });

  test('for a pod that finds no node the fewest go that have to, less important than it, within their budgets', () => {
    let preempted = 0;
    fc.assert(
      fc.property(clusters, strategies, fc.nat(2), ({ pending, ...cluster }, strategy, allowed) => {
        const pod = { ...pending[0]!, spec: { ...pending[0]!.spec, priority: 50 } };
        const budgets = budgetsOf(allowed);
        const [placement] = placePods({ ...cluster, pending: [pod], strategy, budgets });
        if (placement!.nodeName !== undefined || !placement!.nominated) return;
        const { nodeName, victims } = placement!.nominated;
        const node = named(cluster, nodeName);
        const ending = cluster.bound.filter(({ spec, metadata }) => spec.nodeName === nodeName && metadata.deletionTimestamp);
        expect(mayRun(pod, node, without(cluster, [...ending, ...victims]))).toBe(true);
        for (const victim of victims) expect(priority(victim)).toBeLessThan(50);
        for (const { covers } of budgets) expect(victims.filter(covers).length).toBeLessThanOrEqual(allowed);
        for (const victim of victims)
          expect(mayRun(pod, node, without(cluster, [...ending, ...victims.filter((each) => each !== victim)]))).toBe(false);
        preempted += victims.length;
      }),
      { numRuns: 1_000, seed: SEED },
    );
    // The promise is about something.
    expect(preempted).toBeGreaterThan(20);
  });
});
