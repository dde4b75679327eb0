import type { Pod } from '../../core/resources/schema/pod.ts';

/**
 * What the agent knows of a pod beyond what the engine shows, kept on disk: how often its containers were restarted, how they
 * ended, and how long to wait before the next start. Times are ms since the epoch by this host's clock.
 */
export interface PodMemory {
  /** As it was last assigned. */
  pod: Pod;
  /** When the agent first heard of it. */
  startTime: number;
  /** Being stopped for good: it was deleted or is no longer assigned. */
  ending?: { since: number; graceSeconds: number };
  /** Stopped by a rule and not to be started again: its deadline is over. */
  failed?: { reason: string; message: string };
  /** The boot in which all init containers succeeded. After a reboot they run again. */
  initDoneBoot?: string;
  /** It is being deleted and nothing of it is left on this host. */
  gone?: boolean;
  /** Why its pause container can't be started just now. */
  sandboxBlocked?: Blocked;
  /** It had ended before this host forgot it: it isn't run again, and what is known of it elsewhere is not overwritten. */
  recalled?: boolean;
  /** By container name; init containers too. */
  containers: Record<string, ContainerMemory>;
  /** When a condition last changed, by type: [status, at]. */
  conditions?: Record<string, { status: string; at: number }>;
}

export interface ContainerMemory {
  /** Number of the latest start, -1 before the first. */
  attempt: number;
  /** The boot in which the latest attempt was started. */
  startedBoot?: string;
  startedAt?: number;
  /** Wait this long after the next end before starting again, ms; 0 = start at once. */
  backoffMs: number;
  /** The attempt after which it was told that the next one is waited for. */
  announced?: number;
  /** How the latest attempt ended; undefined while it runs. */
  ended?: Termination;
  /** How the attempt before it ended. */
  before?: Termination;
  /** Why it can't be started just now. */
  blocked?: Blocked;
  /** The readiness last seen, with the container it was seen of: after its own restart the agent need not start from "not ready". */
  ready?: { id: string; ready: boolean; started: boolean };
  /** What the latest attempt ran: for the status after the container is gone. */
  containerId?: string;
  imageId?: string;
}

export interface Termination {
  exitCode: number;
  signal?: number;
  reason: string;
  message?: string;
  startedAt?: number;
  finishedAt: number;
  containerId: string;
}

export interface Blocked {
  /** ErrImagePull, CreateContainerConfigError, ... */
  reason: string;
  message: string;
  /** How often in a row. */
  failures: number;
  retryAt: number;
}

export function newPodMemory(pod: Pod, now: number): PodMemory {
  return { pod, startTime: now, containers: {} };
}

export function containerMemory(pod: PodMemory, name: string): ContainerMemory {
  return (pod.containers[name] ??= { attempt: -1, backoffMs: 0 });
}
