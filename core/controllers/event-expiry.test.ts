import { expect, test } from '@jest/globals';
import { pod, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';

test('Events are forgotten an hour after they last happened, in batches', async () => {
  const cluster = await TestCluster.with(pod('p'));
  await cluster.settle();
  expect(cluster.list('Event')).toHaveLength(1);
  cluster.now += 1800 * SECOND;
  const outcome = await cluster.settle();
  expect(outcome.wakeAt).toBe(cluster.now + 1800 * SECOND);
  cluster.now += 1799 * SECOND;
  await cluster.settle();
  expect(cluster.list('Event')).toHaveLength(1);
  cluster.now += SECOND;
  await cluster.settle();
  expect(cluster.list('Event')).toEqual([]);
});
