import type { Container, Pod, Probe } from '../../core/resources/schema/pod.ts';
import type { Engine } from '../docker/engine.ts';
import type { EventLog } from '../event-log.ts';
import type { PodMemory } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import type { Unhealthy } from '../planner/plan.ts';
import { targetOf } from '../steps/hooks.ts';
import { runAction } from './action.ts';
import { newProbeState, nextDue, type ProbeKind, type ProbeState, recordResult } from './probe-state.ts';

/** Probes all containers that ask for it, with one timer for all of them. */
export interface Prober {
  /** Tell it what runs now. Cheap. */
  watch(pods: Iterable<PodMemory>, observed: ReadonlyMap<string, readonly ObservedContainer[]>): void;
  probed(id: string): { readonly ready: boolean; readonly started: boolean };
  /** Containers whose liveness or startup probe has failed for good. */
  unhealthy(): ReadonlyMap<string, Unhealthy>;
  close(): void;
}

export interface ProberOptions {
  readonly engine: Engine;
  readonly events: EventLog;
  readonly now: () => number;
  readonly hostIp: () => string;
  /** A verdict changed. */
  readonly onChange: () => void;
}

interface Watched {
  readonly pod: Pod;
  readonly container: Container;
  readonly id: string;
  readonly ip: string | undefined;
  readonly probes: Partial<Record<ProbeKind, ProbeState>>;
}

const NAMES: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };
/** Commands in containers are costly: not all at once. */
const RUNNING_MAX = 16;

export function prober({ engine, events, now, hostIp, onChange }: ProberOptions): Prober {
  const watched = new Map<string, Watched>();
  const failed = new Map<string, Unhealthy>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = 0;
  let closed = false;

  const started = ({ probes }: Watched) => !probes.startup || probes.startup.verdict === 'success';

  /** Which probes of a container may run: until the startup probe has passed, only that one. */
  function* eligible(one: Watched): Generator<[ProbeKind, ProbeState]> {
    if (failed.has(one.id)) return;
    if (!started(one)) {
      yield ['startup', one.probes.startup!];
      return;
    }
    if (one.probes.liveness) yield ['liveness', one.probes.liveness];
    if (one.probes.readiness) yield ['readiness', one.probes.readiness];
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closed || running >= RUNNING_MAX) return;
    let due = Number.POSITIVE_INFINITY;
    for (const one of watched.values())
      for (const [, state] of eligible(one)) if (!state.running) due = Math.min(due, state.dueAt);
    if (due === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(tick, Math.max(0, due - now()));
  }

  function tick(): void {
    const at = now();
    for (const one of watched.values()) {
      for (const [kind, state] of eligible(one)) {
        if (running >= RUNNING_MAX) return;
        if (!state.running && state.dueAt <= at) void run(one, kind, state);
      }
    }
    schedule();
  }

  async function run(one: Watched, kind: ProbeKind, state: ProbeState): Promise<void> {
    running++;
    state.running = true;
    const timeoutMs = (state.probe.timeoutSeconds ?? 1) * 1000;
    const target = targetOf(one.pod, one.container.name, one.id, one.ip, hostIp());
    const result = await runAction(engine, state.probe, target, timeoutMs);
    running--;
    state.running = false;
    if (closed || watched.get(one.id) !== one) return schedule();
    const at = now();
    const changed = recordResult(state, kind, result.ok);
    state.dueAt = nextDue(state, at);
    if (!result.ok) {
      const message = `${NAMES[kind]} probe failed: ${result.message}`;
      events.add({ type: 'Warning', reason: 'Unhealthy', message, pod: one.pod, container: one.container.name });
    }
    if (changed && state.verdict === 'failure' && kind !== 'readiness') {
      const message = `Container ${one.container.name} failed ${kind} probe, will be restarted`;
      failed.set(one.id, { message, graceSeconds: state.probe.terminationGracePeriodSeconds });
    }
    // What waited for the startup probe need not wait for its own period too.
    if (changed && kind === 'startup' && one.probes.readiness) one.probes.readiness.dueAt = at;
    if (changed) onChange();
    schedule();
  }

  return {
    watch(pods, observed) {
      const live = new Set<string>();
      for (const memory of pods) {
        if (memory.gone || memory.ending) continue;
        const own = observed.get(memory.pod.metadata.uid) ?? [];
        const sandboxIp = own.find((c) => c.kind === 'pause' && c.state === 'running')?.ip;
        for (const c of own) {
          if (c.kind !== 'main' || c.state !== 'running') continue;
          live.add(c.id);
          if (watched.has(c.id)) continue;
          const container = memory.pod.spec.containers.find(({ name }) => name === c.container);
          if (!container) continue;
          const remembered = memory.containers[c.container]?.ready;
          const probes = probesOf(container, c.startedAt ?? now(), remembered?.id === c.id ? remembered : undefined, now());
          watched.set(c.id, { pod: memory.pod, container, id: c.id, ip: sandboxIp ?? c.ip, probes });
        }
      }
      for (const id of watched.keys()) if (!live.has(id)) watched.delete(id);
      for (const id of failed.keys()) if (!live.has(id)) failed.delete(id);
      schedule();
    },
    probed(id) {
      const one = watched.get(id);
      if (!one) return { ready: false, started: false };
      const up = started(one);
      return { started: up, ready: up && (!one.probes.readiness || one.probes.readiness.verdict === 'success') };
    },
    unhealthy: () => failed,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** `remembered`: what was known of this very container before the agent's own restart. */
function probesOf(
  { startupProbe, livenessProbe, readinessProbe }: Container,
  startedAt: number,
  remembered: { ready: boolean; started: boolean } | undefined,
  now: number,
): Watched['probes'] {
  const make = (probe: Probe | undefined, passed: boolean | undefined) =>
    probe ? newProbeState(probe, startedAt, now, passed) : undefined;
  const startup = make(startupProbe, remembered?.started);
  const liveness = make(livenessProbe, true);
  const readiness = make(readinessProbe, remembered?.ready);
  return { ...(startup ? { startup } : {}), ...(liveness ? { liveness } : {}), ...(readiness ? { readiness } : {}) };
}
