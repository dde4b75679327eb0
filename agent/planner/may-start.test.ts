import { describe, expect, test } from '@jest/globals';
import { FENCED_ANNOTATION } from '../../core/node/fencing.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { applyAssignment } from '../assignment-state.ts';
import { mayStart } from './may-start.ts';
import type { PodMemory } from './memory.ts';

const pod = (fenced: boolean) =>
  ({
    metadata: { name: 'db', namespace: 'default', uid: 'u', annotations: { [FENCED_ANNOTATION]: String(fenced) } },
    spec: { containers: [{ name: 'main', image: 'db:1' }] },
  }) as unknown as Pod;

describe('a container whose image is there at last', () => {
  test.each([
    ['fenced', true, [false, true]],
    ['not fenced', false, [true, true]],
  ])('of a pod that is %s is started as the lease has it', (_what, fenced, started) => {
    const pods = new Map<string, PodMemory>();
    applyAssignment(pods, [pod(fenced)], 0);
    expect([false, true].map((held) => mayStart(pods.get('u'), held))).toEqual(started);
  });

  test('is not started under a new lease when its pod went elsewhere before that', () => {
    const pods = new Map<string, PodMemory>();
    applyAssignment(pods, [pod(true)], 0);
    applyAssignment(pods, [], 1);
    expect(mayStart(pods.get('u'), true)).toBe(false);
    expect(mayStart(undefined, true)).toBe(false);
  });
});
