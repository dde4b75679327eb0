import { describe, expect, test } from '@jest/globals';
import type { EngineInfo } from '../docker/types.ts';
import { nodeConditions, nodeVerdicts } from './conditions.ts';
import type { HostInfo } from './host-info.ts';
import { nodeResources } from './resources.ts';

const GB = 1024 ** 3;
const up = { up: true as const, info: {} as EngineInfo };
const usage = (memoryAvailableBytes: number, availableBytes: number) => ({
  memoryAvailableBytes,
  disks: [{ path: '/', sizeBytes: 100 * GB, availableBytes, usedBytes: 100 * GB - availableBytes }],
});
const told = (input: Partial<Parameters<typeof nodeVerdicts>[0]>) =>
  Object.fromEntries(
    nodeVerdicts({ engine: up, usage: usage(GB, 50 * GB), stateProblem: undefined, ...input }).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

describe('a node', () => {
  test('is ready while an engine answers, and has no pressure', () => {
    expect(told({})).toEqual({
      Ready: 'True AgentReady',
      MemoryPressure: 'False MemorySufficient',
      DiskPressure: 'False DiskSufficient',
    });
  });
  test('without an engine is not, and says why', () => {
    const verdicts = nodeVerdicts({
      engine: { up: false, message: 'no socket', asked: true },
      usage: undefined,
      stateProblem: undefined,
    });
    expect(verdicts).toContainEqual({ type: 'Ready', status: 'False', reason: 'DockerUnavailable', message: 'no socket' });
  });
  test('says when memory or disk run out, or its state can not be written', () => {
    expect(told({ usage: usage(50 * 1024 ** 2, 50 * GB) }).MemoryPressure).toBe('True MemoryLow');
    expect(told({ usage: usage(GB, 4 * GB) }).DiskPressure).toBe('True DiskLow');
    expect(told({ stateProblem: 'ENOSPC' }).DiskPressure).toBe('True StateNotWritten');
  });
  test('remembers when a condition changed', () => {
    const since = new Map<string, { status: string; at: number }>();
    const at = (now: number, memory: number) =>
      nodeConditions(
        nodeVerdicts({ engine: up, usage: usage(memory, 50 * GB), stateProblem: undefined }),
        since,
        now,
        String,
      ).find(({ type }) => type === 'MemoryPressure')?.lastTransitionTime;
    expect([at(1, GB), at(2, GB), at(3, 0), at(4, 0), at(5, GB)]).toEqual(['1', '1', '3', '3', '5']);
  });
  test('keeps some of itself for its own needs', () => {
    const host = { memoryBytes: 8 * GB, cpus: 4 } as HostInfo;
    expect(nodeResources(host, usage(0, 0).disks[0])).toEqual({
      capacity: { cpu: '4', memory: '8388608Ki', 'ephemeral-storage': '104857600Ki', pods: '110' },
      allocatable: {
        cpu: '3900m',
        memory: `${Math.floor((8 * GB * 0.95) / 1024)}Ki`,
        'ephemeral-storage': '94371840Ki',
        pods: '110',
      },
    });
  });
});
