import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deployment, heard, node, running, SECOND } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { rollingUpdateBounds } from '../../resources/int-or-percent.ts';
import { availableAt, isActive, isReady } from '../pod-state.ts';

const bound = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('0%', '25%', '50%', '100%'));
const rollouts = fc.record({
  replicas: fc.integer({ min: 1, max: 8 }),
  maxSurge: bound,
  maxUnavailable: bound,
  minReadySeconds: fc.constantFrom(0, 5),
  /** What happens between two runs. */
  steps: fc.array(
    fc.record({
      /** Which pods become ready: one bit each. Others keep the state they have. */
      ready: fc.nat(0xffff),
      failed: fc.option(fc.nat(15), { nil: undefined }),
      image: fc.option(fc.constantFrom('app:1', 'app:2', 'app:3'), { nil: undefined }),
      ended: fc.boolean(),
    }),
    { maxLength: 12 },
  ),
});

/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 120_000;

describe('a rolling update, whatever becomes ready, fails or changes meanwhile', () => {
  test(
    'takes no pod away below the minimum, makes none above the maximum, and comes to its end',
    async () => {
      await fc.assert(
        fc.asyncProperty(rollouts, async ({ replicas, maxSurge, maxUnavailable, minReadySeconds, steps }) => {
          const none = [0, '0%'];
          fc.pre(!(none.includes(maxSurge) && none.includes(maxUnavailable)));
          const spec = { minReadySeconds, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } };
          const cluster = await TestCluster.with(node('n1'), deployment('web', { replicas, spec }));
          const bounds = rollingUpdateBounds({ maxSurge, maxUnavailable }, replicas);
          const least = replicas - bounds.maxUnavailable;
          const available = () =>
            cluster.pods.filter((pod) => isActive(pod) && (availableAt(pod, minReadySeconds) ?? Infinity) <= cluster.now).length;
          const settle = async () => {
            const before = available();
            cluster.inbox = [heard('n1', cluster.now)];
            await cluster.settle();
            // Pods that fail by themselves may bring it below; the controllers must not.
            expect(available()).toBeGreaterThanOrEqual(Math.min(before, least));
            expect(cluster.pods.filter(isActive).length).toBeLessThanOrEqual(replicas + bounds.maxSurge);
          };
          await settle();
          for (const { ready, failed, image, ended } of steps) {
            cluster.now += 3 * SECOND;
            let index = 0;
            await cluster.setPods((pod) => {
              const own = index++;
              if (own === failed) return { ...running(false) };
              return running(isReady(pod) || (ready & (1 << own)) !== 0);
            });
            if (image)
              await cluster.edit('Deployment', 'web', (each) => void (each.spec.template.spec.containers[0]!.image = image));
            if (ended) await cluster.finishDeletions();
            await settle();
          }
          // From here on nothing fails any more.
          let rest = 0;
          for (let step = 0; step < 3 * replicas + 6; step++) {
            cluster.now += (minReadySeconds + 1) * SECOND;
            await cluster.setPods(() => running(true));
            await cluster.finishDeletions();
            await settle();
            if (cluster.keyspace.view().revision === rest) break;
            rest = cluster.keyspace.view().revision;
          }
          const { status, spec: last } = cluster.get('Deployment', 'web');
          expect(status).toMatchObject({ replicas, updatedReplicas: replicas, availableReplicas: replicas });
          expect(new Set(cluster.pods.map((pod) => pod.spec.containers[0]!.image))).toEqual(
            new Set([last.template.spec.containers[0]!.image]),
          );
        }),
        { numRuns: 30 },
      );
    },
    LIMIT_MS,
  );
});
