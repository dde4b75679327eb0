import type { Logger } from '../core/ports/logger.ts';
import { cooling } from './cooling.ts';
import { DockerTimeout, DockerUnavailable, messageOf } from './docker/errors.ts';
import { absorb } from './planner/absorb.ts';
import { blockedAfter } from './planner/backoff.ts';
import { containerMemory, type PodMemory } from './planner/memory.ts';
import { plan, type PlanInput, type Unhealthy, type VolumeVersions } from './planner/plan.ts';
import type { Step, StepType } from './planner/steps.ts';
import { StartFailure } from './runtime/start-failure.ts';
import type { StepContext } from './steps/context.ts';
import { type Executor, executors } from './steps/executors.ts';

export interface ReconcilerOptions {
  readonly context: StepContext;
  readonly pods: ReadonlyMap<string, PodMemory>;
  readonly log: Logger;
  /** False while there is no engine or no assignment: nothing is decided then. */
  readonly ready: () => boolean;
  readonly volumes: () => ReadonlyMap<string, VolumeVersions>;
  /** As the planner takes it. */
  readonly lapsed: () => PlanInput['lapsed'];
  readonly unhealthy: () => ReadonlyMap<string, Unhealthy>;
  /** Before each plan: what the engine shows has been taken in. */
  readonly onObserved: () => void;
  /** After each plan. `settled`: nothing is left to do now. */
  readonly onPlanned: (settled: boolean) => void;
  readonly onStep: (type: StepType, ok: boolean) => void;
}

export interface Reconciler {
  /** Something changed: plan again, soon and once for many calls. */
  trigger(): void;
  cancel(key: string): void;
  /** Plans no more, and waits for nothing: containers go on, and the next agent takes over. */
  close(): void;
}

interface Running {
  readonly step: Step;
  readonly abort: AbortController;
}

const COOLING_MS_FIRST = 500;
const COOLING_MS_MAX = 60_000;

/** Plans after each change and runs the steps, those of different keys side by side. */
export function reconciler(options: ReconcilerOptions): Reconciler {
  const { context, pods, log } = options;
  const running = new Map<string, Running>();
  const cools = cooling({ now: () => context.now(), firstMs: COOLING_MS_FIRST, maxMs: COOLING_MS_MAX });
  let planned: ReturnType<typeof setImmediate> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  function trigger(): void {
    if (!closed) planned ??= setImmediate(pass);
  }

  function pass(): void {
    planned = undefined;
    if (closed || !options.ready()) return;
    const now = context.now();
    const observed = context.cache.byPod();
    const busy = new Set(running.keys());
    for (const memory of pods.values()) {
      absorb(memory, observed.get(memory.pod.metadata.uid) ?? [], { now, bootId: context.bootId, busy });
    }
    options.onObserved();
    const unhealthy = options.unhealthy();
    const next = plan({
      now,
      bootId: context.bootId,
      pods: [...pods.values()],
      observed,
      busy,
      unhealthy,
      volumes: options.volumes(),
      lapsed: options.lapsed(),
    });
    let wakeAt = next.wakeAt ?? Number.POSITIVE_INFINITY;
    for (const step of next.steps) {
      const held = cools.heldUntil(step.key, step);
      if (held !== undefined) wakeAt = Math.min(wakeAt, held);
      else if (!running.has(step.key)) void run(step);
    }
    clearTimeout(timer);
    // setTimeout counts at most 2^31 ms.
    if (Number.isFinite(wakeAt)) timer = setTimeout(trigger, Math.min(Math.max(1, wakeAt - now), 2 ** 30));
    options.onPlanned(running.size === 0);
  }

  async function run(step: Step): Promise<void> {
    const abort = new AbortController();
    running.set(step.key, { step, abort });
    let ok = true;
    try {
      // The map's types tie each step to its own executor; a union of steps can't say so.
      await (executors[step.type] as Executor<StepType>)(step, context, abort.signal);
    } catch (error) {
      ok = false;
      if (!closed && !abort.signal.aborted) failed(step, error);
    }
    running.delete(step.key);
    cools.done(step.key, step);
    options.onStep(step.type, ok);
    trigger();
  }

  function failed(step: Step, error: unknown): void {
    // The engine's watch says it once for all.
    if (error instanceof DockerUnavailable && !(error instanceof DockerTimeout)) return;
    const memory = pods.get(step.podUid);
    if (error instanceof DockerTimeout && memory) {
      context.events.add({ type: 'Warning', reason: 'EngineTimeout', message: error.message, pod: memory.pod });
    }
    if (step.type !== 'startContainer' || !memory || error instanceof DockerTimeout) {
      log.warn('a step failed', { step: step.type, pod: memory?.pod.metadata.name ?? step.podUid, reason: messageOf(error) });
      return;
    }
    const past = containerMemory(memory, step.container);
    const reason = error instanceof StartFailure ? error.reason : 'CreateContainerError';
    const message = messageOf(error);
    past.blocked = blockedAfter(past.blocked, reason, message, context.now());
    const why = reason.endsWith('ImagePull') ? message : `Error: ${message}`;
    context.events.add({ type: 'Warning', reason: 'Failed', message: why, pod: memory.pod, container: step.container });
  }

  return {
    trigger,
    cancel(key) {
      const found = running.get(key);
      if (found?.step.type === 'startContainer') found.abort.abort(new Error('its pod is going away'));
    },
    close() {
      closed = true;
      clearTimeout(timer);
      if (planned) clearImmediate(planned);
      for (const { abort } of running.values()) abort.abort(new Error('the agent is stopping'));
    },
  };
}
