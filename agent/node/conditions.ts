import type { Condition } from '../../core/resources/schema/meta.ts';
import type { EngineState } from '../runtime/engine-watch.ts';
import type { HostUsage } from './resources.ts';

/** What the node's conditions are drawn from. */
export interface ConditionInput {
  readonly engine: EngineState;
  readonly usage: HostUsage | undefined;
  /** Why the agent can't write its state, if it can't. */
  readonly stateProblem: string | undefined;
  /** Of the pods' network. */
  readonly network?: readonly Verdict[];
}

export interface Verdict {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

const MB = 1024 * 1024;
const MEMORY_LOW_BYTES = 100 * MB;

/** A disk is nearly full below 5 % of it, at least 256 MB and at most 5 GB. */
function diskLowBytes(sizeBytes: number): number {
  return Math.min(Math.max(sizeBytes * 0.05, 256 * MB), 5120 * MB);
}

export function nodeVerdicts({ engine, usage, stateProblem, network = [] }: ConditionInput): Verdict[] {
  return [memoryVerdict(usage), diskVerdict(usage, stateProblem), ...network, readyVerdict(engine)];
}

function readyVerdict(engine: EngineState): Verdict {
  if (engine.up)
    return { type: 'Ready', status: 'True', reason: 'AgentReady', message: 'the agent and its Docker engine are working' };
  return { type: 'Ready', status: 'False', reason: 'DockerUnavailable', message: engine.message };
}

function memoryVerdict(usage: HostUsage | undefined): Verdict {
  const low = usage !== undefined && usage.memoryAvailableBytes < MEMORY_LOW_BYTES;
  return low
    ? {
        type: 'MemoryPressure',
        status: 'True',
        reason: 'MemoryLow',
        message: `${megabytes(usage.memoryAvailableBytes)} of memory are available`,
      }
    : { type: 'MemoryPressure', status: 'False', reason: 'MemorySufficient', message: 'the host has memory available' };
}

function diskVerdict(usage: HostUsage | undefined, stateProblem: string | undefined): Verdict {
  if (stateProblem !== undefined) {
    return {
      type: 'DiskPressure',
      status: 'True',
      reason: 'StateNotWritten',
      message: `the agent can't write its state: ${stateProblem}`,
    };
  }
  const low = usage?.disks.find((disk) => disk.availableBytes < diskLowBytes(disk.sizeBytes));
  return low
    ? {
        type: 'DiskPressure',
        status: 'True',
        reason: 'DiskLow',
        message: `${megabytes(low.availableBytes)} are left on the disk of ${low.path}`,
      }
    : { type: 'DiskPressure', status: 'False', reason: 'DiskSufficient', message: 'the disks have room' };
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MB)} MB`;
}

/** Verdicts as conditions; remembers in `since` when one last changed (ms since the epoch). */
export function nodeConditions(
  verdicts: readonly Verdict[],
  since: Map<string, { status: string; at: number }>,
  now: number,
  time: (at: number) => string,
): Condition[] {
  return verdicts.map((verdict) => {
    if (since.get(verdict.type)?.status !== verdict.status) since.set(verdict.type, { status: verdict.status, at: now });
    return { ...verdict, lastTransitionTime: time(since.get(verdict.type)!.at) };
  });
}
