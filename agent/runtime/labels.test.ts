import { expect, test } from '@jest/globals';
import type { ContainerDetails } from '../docker/types.ts';
import { containerName, labelsOf, observedFrom } from './labels.ts';

const identity = {
  podUid: 'uid-1',
  namespace: 'default',
  podName: 'web',
  container: 'main',
  kind: 'main' as const,
  attempt: 3,
  specHash: 'abc',
  sandbox: 'pause-id',
  graceSeconds: 30,
};

const details = (Labels: Record<string, string>): ContainerDetails => ({
  Id: 'id-1',
  Name: '/x',
  Created: '',
  Image: 'sha256:1',
  State: {
    Status: 'exited',
    Running: false,
    Pid: 0,
    ExitCode: 137,
    OOMKilled: true,
    Error: '',
    StartedAt: '2026-06-01T12:00:00.123456789Z',
    FinishedAt: '0001-01-01T00:00:00Z',
  },
  Config: { Image: 'app:1', Labels },
  NetworkSettings: { Networks: { bridge: { IPAddress: '10.0.0.2' } } },
});

test('a container is known again by its labels', () => {
  expect(observedFrom(details(labelsOf('c/h', identity)), 'c/h')).toMatchObject({
    ...identity,
    state: 'exited',
    exitCode: 137,
    oomKilled: true,
    startedAt: Date.parse('2026-06-01T12:00:00.123Z'),
    finishedAt: undefined,
    ip: '10.0.0.2',
  });
});

test("another owner's container, one without labels and one with half of them are none of ours", () => {
  const labels = labelsOf('c/h', identity);
  expect(observedFrom(details(labels), 'c/other')).toBeUndefined();
  expect(observedFrom(details({}), 'c/h')).toBeUndefined();
  for (const name of ['terrane.dev/pod-uid', 'terrane.dev/container', 'terrane.dev/attempt', 'terrane.dev/container-kind']) {
    const { [name]: _, ...rest } = labels;
    expect(observedFrom(details(rest), 'c/h')).toBeUndefined();
  }
});

test('names differ by attempt and fit the engine, however long a pod is called', () => {
  const name = containerName({ ...identity, podName: 'a.b-c'.repeat(50) });
  expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
  expect(containerName({ ...identity, attempt: 4 })).not.toBe(containerName(identity));
});
