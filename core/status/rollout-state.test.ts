import { describe, expect, test } from '@jest/globals';
import type { Deployment } from '../resources/schema/deployment.ts';
import { rolloutState } from './rollout-state.ts';

const deployment = (status: Deployment['status'], spec: Partial<Deployment['spec']> = {}): Deployment =>
  ({ metadata: { name: 'web', generation: 2 }, spec: { replicas: 3, ...spec }, status }) as Deployment;
const complete = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };

describe('a rollout is done only when', () => {
  test.each([
    ['all is as wanted', complete, true],
    ['the controller has seen the change', { ...complete, observedGeneration: 1 }, false],
    ['all pods are of the new kind', { ...complete, updatedReplicas: 2 }, false],
    ['no old pod is left', { ...complete, replicas: 4 }, false],
    ['all are available', { ...complete, availableReplicas: 2 }, false],
  ])('%s', (_what, status, done) => {
    expect(rolloutState(deployment(status))).toMatchObject({ done, failed: false });
  });
});

test('nothing reported yet is not done', () => expect(rolloutState(deployment(undefined)).done).toBe(false));
test('none wanted, none there is done', () => {
  expect(rolloutState(deployment({ observedGeneration: 2 }, { replicas: 0 })).done).toBe(true);
});
test('a missed deadline has failed', () => {
  const conditions = [{ type: 'Progressing', status: 'False' as const, reason: 'ProgressDeadlineExceeded' }];
  expect(rolloutState(deployment({ ...complete, updatedReplicas: 1, conditions }))).toMatchObject({ done: false, failed: true });
});
