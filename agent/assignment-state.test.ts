import { describe, expect, test } from '@jest/globals';
import { applyAssignment, assignmentProblem } from './assignment-state.ts';
import { newPodMemory, type PodMemory } from './planner/memory.ts';
import { container, NOW, pod } from './testing/pods.ts';

const mapOf = (...memories: PodMemory[]) => new Map(memories.map((memory) => [memory.pod.metadata.uid, memory]));
const deleted = (graceSeconds: number) =>
  pod('web', {}, { deletionTimestamp: '2026-06-01T12:00:30Z', deletionGracePeriodSeconds: graceSeconds });

describe('an assignment', () => {
  test('brings new pods, and changes of those that are there', () => {
    const pods = mapOf();
    applyAssignment(pods, [pod()], NOW);
    pods.get('uid-web')!.containers.main = { attempt: 2, backoffMs: 10_000 };
    const changed = pod('web', { containers: [container('main', { image: 'app:2' })] });
    applyAssignment(pods, [changed], NOW + 1000);
    expect(pods.get('uid-web')).toMatchObject({ pod: changed, startTime: NOW, containers: { main: { attempt: 2 } } });
  });

  test('ends pods that are deleted; a second delete shortens the time and never lengthens it', () => {
    const pods = mapOf(newPodMemory(pod(), NOW));
    applyAssignment(pods, [deleted(30)], NOW);
    applyAssignment(pods, [deleted(5)], NOW + 1000);
    applyAssignment(pods, [deleted(60)], NOW + 2000);
    expect(pods.get('uid-web')?.ending).toEqual({ since: NOW, graceSeconds: 5 });
  });

  test('ends pods that it no longer names; given back before they stopped, they go on', () => {
    const pods = mapOf(newPodMemory(pod(), NOW));
    applyAssignment(pods, [], NOW);
    expect(pods.get('uid-web')?.ending).toEqual({ since: NOW, graceSeconds: 30 });
    applyAssignment(pods, [pod()], NOW);
    expect(pods.get('uid-web')).not.toHaveProperty('ending');
  });

  test('keeps a pod of which nothing is left until it is no longer named, so that this can be reported', () => {
    const pods = mapOf({ ...newPodMemory(deleted(0), NOW), gone: true, ending: { since: NOW, graceSeconds: 0 } });
    applyAssignment(pods, [deleted(0)], NOW);
    expect(pods.get('uid-web')?.gone).toBe(true);
    applyAssignment(pods, [], NOW);
    expect(pods.size).toBe(0);
  });

  test('does not run again what had ended before this host forgot it', () => {
    const pods = mapOf();
    applyAssignment(pods, [{ ...pod('job', { restartPolicy: 'Never' }), status: { phase: 'Succeeded' } }], NOW);
    expect(pods.get('uid-job')).toMatchObject({ recalled: true, containers: { main: { ended: { exitCode: 0 } } } });
  });

  test('frees who waited for configuration, or for another image', () => {
    const waiting = (reason: string) => {
      const memory = newPodMemory(pod(), NOW);
      memory.containers.main = {
        attempt: -1,
        backoffMs: 0,
        blocked: { reason, message: '', failures: 1, retryAt: NOW + 10_000 },
      };
      return memory;
    };
    const retryAt = (memory: PodMemory, next = pod()) => {
      applyAssignment(mapOf(memory), [next], NOW);
      return memory.containers.main?.blocked?.retryAt;
    };
    expect(retryAt(waiting('CreateContainerConfigError'))).toBe(0);
    expect(retryAt(waiting('ErrImagePull'))).toBe(NOW + 10_000);
    expect(retryAt(waiting('ErrImagePull'), pod('web', { containers: [container('main', { image: 'app:2' })] }))).toBe(0);
  });
});

test.each([
  [null, 'cluster is missing'],
  [{ cluster: 'c' }, 'revision is missing'],
  [{ cluster: 'c', revision: 1 }, 'pods is not a list'],
  [{ cluster: 'c', revision: 1, pods: [{}] }, 'pods[0] has no name or uid'],
  [{ cluster: 'c', revision: 1, pods: [], configMaps: [], secrets: [] }, 'settings are missing'],
  [
    { cluster: 'c', revision: 1, pods: [], configMaps: [], secrets: [], settings: { reportSeconds: 1, pollSeconds: 1 } },
    undefined,
  ],
])('%j: %s', (document, problem) => {
  expect(assignmentProblem(document)).toBe(problem);
});
