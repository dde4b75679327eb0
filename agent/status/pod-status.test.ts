import { describe, expect, test } from '@jest/globals';
import { absorb } from '../planner/absorb.ts';
import type { PodMemory } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { BOOT, container, exited, memoryOf, NOW, observed, pod } from '../testing/pods.ts';
import { podStatus } from './pod-status.ts';

function statusOf(memory: PodMemory, own: readonly ObservedContainer[] = [], ready = true) {
  absorb(memory, own, { now: NOW, bootId: BOOT, busy: new Set() });
  const time = (at: number) => new Date(at).toISOString();
  return podStatus(memory, own, { now: NOW, time, hostIp: '192.0.2.1', probed: () => ({ ready, started: true }) });
}
const condition = (status: ReturnType<typeof statusOf>, wanted: string) => status.conditions?.find(({ type }) => type === wanted);

describe('the phase', () => {
  test('is Pending until all containers have started once', () => {
    const two = pod('two', { containers: [container('a'), container('b')] });
    expect(statusOf(memoryOf(two)).phase).toBe('Pending');
    expect(statusOf(memoryOf(two), [observed(two, 'a')]).phase).toBe('Pending');
    expect(statusOf(memoryOf(two), [observed(two, 'a'), observed(two, 'b')]).phase).toBe('Running');
  });
  test.each([
    ['Always', 0, 'Running'],
    ['Always', 1, 'Running'],
    ['OnFailure', 0, 'Succeeded'],
    ['OnFailure', 1, 'Running'],
    ['Never', 0, 'Succeeded'],
    ['Never', 1, 'Failed'],
  ] as const)('with policy %s and exit code %i is %s', (restartPolicy, exitCode, phase) => {
    const of = pod('web', { restartPolicy });
    expect(statusOf(memoryOf(of), [observed(of, 'main', exited(exitCode))]).phase).toBe(phase);
  });
  test('is Failed when a rule stopped it, with the reason', () => {
    const memory = memoryOf(pod(), { failed: { reason: 'DeadlineExceeded', message: 'too long' } });
    expect(statusOf(memory)).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' });
  });
});

describe('a container', () => {
  test('that waits for its next try says so, and how it ended', () => {
    const memory = memoryOf();
    memory.containers.main = { attempt: 2, backoffMs: 40_000, startedBoot: BOOT };
    const [shown] = statusOf(memory, [observed(memory.pod, 'main', exited(1, { attempt: 2 }))]).containerStatuses!;
    expect(shown).toMatchObject({
      restartCount: 2,
      ready: false,
      state: { waiting: { reason: 'CrashLoopBackOff', message: expect.stringContaining('back-off 40s') as unknown as string } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
  });
  test('killed for its memory says so', () => {
    const of = pod('web', { restartPolicy: 'Never' });
    const [shown] = statusOf(memoryOf(of), [observed(of, 'main', exited(137, { oomKilled: true }))]).containerStatuses!;
    expect(shown!.state.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137, signal: 9 });
  });
  test('whose image is missing: first the reason, then that it is waited', () => {
    const memory = memoryOf();
    const blocked = { reason: 'ErrImagePull', message: 'no such host', retryAt: NOW + 1 };
    memory.containers.main = { attempt: -1, backoffMs: 0, blocked: { ...blocked, failures: 1 } };
    expect(statusOf(memory).containerStatuses![0]!.state.waiting).toEqual({ reason: 'ErrImagePull', message: 'no such host' });
    memory.containers.main.blocked!.failures = 2;
    expect(statusOf(memory).containerStatuses![0]!.state.waiting).toEqual({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "app:1": no such host',
    });
  });
  test('waits while init containers run', () => {
    const of = pod('web', { initContainers: [container('init')] });
    const status = statusOf(memoryOf(of), [observed(of, 'init')]);
    expect(status.containerStatuses![0]!.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [init]',
    });
  });
});

describe('conditions', () => {
  test('name who is not ready, and keep the time of their last change', () => {
    const memory = memoryOf();
    const own = [observed(memory.pod)];
    const unready = condition(statusOf(memory, own, false), 'Ready')!;
    expect(unready).toMatchObject({ status: 'False', message: 'containers with unready status: [main]' });
    memory.conditions!.Ready!.at = NOW - 5000;
    expect(condition(statusOf(memory, own, false), 'Ready')!.lastTransitionTime).toBe(new Date(NOW - 5000).toISOString());
    expect(condition(statusOf(memory, own), 'Ready')).toMatchObject({
      status: 'True',
      lastTransitionTime: new Date(NOW).toISOString(),
    });
  });
  test('of a pod that has succeeded: not ready, for it is completed', () => {
    const of = pod('job', { restartPolicy: 'Never' });
    expect(condition(statusOf(memoryOf(of), [observed(of, 'main', exited(0))]), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
  });
});

test("the address is the network container's, the container's, or the host's", () => {
  const two = pod('two', { containers: [container('a'), container('b')] });
  expect(statusOf(memoryOf(two), [observed(two, 'a', { ip: '' }), observed(two, 'POD', { ip: '10.0.0.9' })]).podIP).toBe(
    '10.0.0.9',
  );
  expect(statusOf(memoryOf(), [observed(pod())]).podIP).toBe('10.0.0.2');
  const hosted = pod('hosted', { hostNetwork: true });
  expect(statusOf(memoryOf(hosted), [observed(hosted, 'main', { ip: undefined })]).podIP).toBe('192.0.2.1');
  expect(statusOf(memoryOf())).not.toHaveProperty('podIP');
});
