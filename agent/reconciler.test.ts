import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Logger } from '../core/ports/logger.ts';
import type { Engine } from './docker/engine.ts';
import { DockerError } from './docker/errors.ts';
import type { PodMemory } from './planner/memory.ts';
import type { ObservedContainer } from './planner/observed.ts';
import { type Reconciler, reconciler } from './reconciler.ts';
import type { StepContext } from './steps/context.ts';
import { lane } from './lane.ts';
import { BOOT, memoryOf, observed, pod } from './testing/pods.ts';

/** The loop around the planner, with an engine that answers as told. Time is moved by hand. */
function start(
  memory: PodMemory,
  containers: () => ObservedContainer[],
  engine: Partial<Engine>,
): { loop: Reconciler; log: string[]; settled: boolean[] } {
  const log: string[] = [];
  const settled: boolean[] = [];
  const say = (message: string) => void log.push(message);
  const logger: Logger = { info: say, warn: say, error: say };
  const context = {
    engine,
    cache: {
      byPod: () => new Map([[memory.pod.metadata.uid, containers()]]),
      get: () => undefined,
      refresh: async () => undefined,
    },
    events: { add: ({ message }: { message: string }) => log.push(message) },
    volumes: { remove: async () => undefined },
    bootId: BOOT,
    now: Date.now,
    pod: () => memory,
    volumesWritten: () => undefined,
    volumesWanted: () => undefined,
    host: () => ({ nodeName: 'n', hostIp: '' }),
    cancel: () => undefined,
    starting: lane(4),
    ending: lane(1),
    owner: 'c/h',
    source: { configMap: () => undefined, secret: () => undefined },
    hostMemoryBytes: 1e9,
    names: () => ({ cluster: undefined, servers: [], search: [] }),
    podNetwork: () => Promise.resolve(undefined),
  } as unknown as StepContext;
  const mounts = async () => [];
  Object.assign(context.volumes, { mounts });
  const loop = reconciler({
    context,
    pods: new Map([[memory.pod.metadata.uid, memory]]),
    log: logger,
    ready: () => true,
    volumes: () => new Map(),
    lapsed: () => undefined,
    unhealthy: () => new Map(),
    onObserved: () => undefined,
    onPlanned: (done) => settled.push(done),
    onStep: () => undefined,
  });
  return { loop, log, settled };
}

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-06-01T12:00:00Z') });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the loop', () => {
  test('does not spin on a step that succeeds and changes nothing', async () => {
    let calls = 0;
    const memory = memoryOf(pod());
    const left = observed(memory.pod, 'main', { state: 'created' });
    const { loop } = start(memory, () => [left], {
      removeContainer: async () => {
        calls++;
      },
    });
    loop.trigger();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(calls).toBeGreaterThan(2);
    expect(calls).toBeLessThan(8);
    loop.close();
  });

  test('remembers why a start failed, says so, and tries again after its back-off', async () => {
    let creates = 0;
    const memory = memoryOf(pod());
    const { loop, log, settled } = start(memory, () => [], {
      createContainer: async () => {
        creates++;
        throw new DockerError(500, 'no space left on device');
      },
    });
    loop.trigger();
    await jest.advanceTimersByTimeAsync(9000);
    expect(creates).toBe(1);
    expect(memory.containers.main?.blocked).toMatchObject({
      reason: 'CreateContainerError',
      message: 'no space left on device',
      failures: 1,
    });
    expect(log).toContain('Error: no space left on device');
    expect(settled.at(-1)).toBe(true);
    await jest.advanceTimersByTimeAsync(2000);
    expect(creates).toBe(2);
    loop.close();
  });

  test('runs one step of a container at a time, and plans again when it ends', async () => {
    let creates = 0;
    let finish: () => void = () => undefined;
    const memory = memoryOf(pod());
    const { loop, settled } = start(memory, () => [], {
      createContainer: async () => {
        creates++;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        throw new DockerError(500, 'broken');
      },
    });
    for (let i = 0; i < 5; i++) {
      loop.trigger();
      await jest.advanceTimersByTimeAsync(10);
    }
    expect([creates, settled.at(-1)]).toEqual([1, false]);
    finish();
    await jest.advanceTimersByTimeAsync(0);
    expect(settled.at(-1)).toBe(true);
    loop.close();
  });
});
