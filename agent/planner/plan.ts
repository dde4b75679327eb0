import type { PodMemory } from './memory.ts';
import type { ObservedContainer } from './observed.ts';
import { planEnding } from './plan-ending.ts';
import { killByLease, planLapsed } from './plan-lapsed.ts';
import { planRunning } from './plan-running.ts';
import { type Step, step } from './steps.ts';

/** All that a plan depends on. */
export interface PlanInput {
  /** ms since the epoch. */
  readonly now: number;
  readonly bootId: string;
  /** Pods that are assigned, or were and are being stopped. */
  readonly pods: readonly PodMemory[];
  /** Every container with our label, by pod uid. */
  readonly observed: ReadonlyMap<string, readonly ObservedContainer[]>;
  /** Keys of steps that are under way. */
  readonly busy: ReadonlySet<string>;
  /** Containers whose liveness or startup probe has failed for good, by id. */
  readonly unhealthy: ReadonlyMap<string, Unhealthy>;
  /** Pod uid -> version of the ConfigMaps and Secrets in its volumes: as assigned, and as written. */
  readonly volumes: ReadonlyMap<string, VolumeVersions>;
  /** The host holds no lease: since when (ms since the epoch), and how long fenced work then has for stopping. */
  readonly lapsed?: { readonly at: number; readonly graceSeconds: number } | undefined;
}

export interface Unhealthy {
  readonly message: string;
  /** Of the probe, instead of the pod's. */
  readonly graceSeconds: number | undefined;
}

export interface VolumeVersions {
  readonly wanted: string;
  /** undefined = not written in this run of the agent. */
  readonly written: string | undefined;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** When to plan again although nothing happened, ms since the epoch. */
  readonly wakeAt: number | undefined;
}

/** What one pod's planning collects. */
export interface PodPlan {
  readonly input: PlanInput;
  readonly memory: PodMemory;
  readonly own: readonly ObservedContainer[];
  readonly add: (next: Step) => void;
  readonly wakeAt: (at: number) => void;
}

/**
 * What to do now so that the host comes to match its assignment. Pure: same input, same steps. A step whose key is under way
 * is never planned again, so running it after each change and each step's end converges.
 */
export function plan(input: PlanInput): Plan {
  const steps: Step[] = [];
  let wake: number | undefined;
  const add = (next: Step) => {
    if (!input.busy.has(next.key)) steps.push(next);
  };
  const wakeAt = (at: number) => {
    if (at > input.now && (wake === undefined || at < wake)) wake = at;
  };
  for (const memory of input.pods) {
    const own = input.observed.get(memory.pod.metadata.uid) ?? [];
    // A start that was under way when the pod went may still leave something.
    if (memory.gone && own.length === 0) continue;
    const podPlan: PodPlan = { input, memory, own, add, wakeAt };
    const killAt = killByLease(podPlan);
    if (memory.ending || memory.failed) planEnding(podPlan);
    else if (killAt !== undefined) planLapsed(podPlan, killAt);
    else planRunning(podPlan);
  }
  const known = new Set(input.pods.map(({ pod }) => pod.metadata.uid));
  for (const [uid, containers] of input.observed) if (!known.has(uid)) planOrphans(containers, add);
  return { steps, wakeAt: wake };
}

/** Containers of ours that belong to no pod we remember: they are stopped as their label says, and removed. */
function planOrphans(containers: readonly ObservedContainer[], add: (next: Step) => void): void {
  for (const { podUid, container, id, state, graceSeconds, kind } of containers) {
    if (state !== 'running') add(step('removeContainer', podUid, { container, id }));
    else if (kind === 'pause') add(step('killContainer', podUid, { container, id }));
    else {
      const message = `Stopping container ${container}: its pod is not assigned to this host`;
      add(step('stopContainer', podUid, { container, id, graceSeconds, reason: 'Orphaned', message }));
    }
  }
}
