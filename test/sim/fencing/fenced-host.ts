import { applyAssignment } from '../../../agent/assignment-state.ts';
import type { SavedLease } from '../../../agent/fencing/lease-file.ts';
import { type HostLease, NO_LEASE } from '../../../agent/fencing/host-lease.ts';
import { type LeaseKeeper, leaseKeeper } from '../../../agent/fencing/lease-keeper.ts';
import { absorb } from '../../../agent/planner/absorb.ts';
import { containerMemory, type PodMemory } from '../../../agent/planner/memory.ts';
import type { ObservedContainer } from '../../../agent/planner/observed.ts';
import { plan } from '../../../agent/planner/plan.ts';
import { specHash } from '../../../agent/planner/pod-rules.ts';
import { recordStarted } from '../../../agent/planner/record.ts';
import type { Step } from '../../../agent/planner/steps.ts';
import { type Assignment, FIRST_SETTINGS } from '../../../core/node/assignment.ts';
import { isFenced } from '../../../core/node/fencing.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { PodReport } from '../../../core/node/report.ts';

/** A step that the agent has begun: what it does comes about later, however slow the engine is. */
interface UnderWay {
  readonly step: Step;
  readonly doneAt: number;
  canceled: boolean;
}

/**
 * A host whose agent is the real planner and the real lease over an engine of lists. `real` is the time that nobody on it knows: its own
 * clock, `uptime`, runs faster or slower than that.
 */
export class FencedHost {
  readonly name: string;
  readonly rate: number;
  boot = 1;
  #bootedAt = 0;
  real = 0;
  /** The agent's process; undefined while it is dead. */
  agent:
    | { keeper: LeaseKeeper; pods: Map<string, PodMemory>; reportedAt: number; wantsReport: boolean; waitsUntil: number }
    | undefined;
  /** On its disk. */
  assignment: Assignment | undefined;
  #saved: SavedLease | undefined;
  #containers: ObservedContainer[] = [];
  readonly #underWay = new Map<string, UnderWay>();
  #ids = 0;

  constructor(name: string, rate: number) {
    this.name = name;
    this.rate = rate;
    this.startAgent();
  }

  readonly uptime = (): number => (this.real - this.#bootedAt) * this.rate;
  /** Of this host's wall clock, which nobody compares with another's. */
  readonly clock = (): number => 1e12 + this.real * this.rate;

  get running(): ObservedContainer[] {
    return this.#containers.filter(({ state }) => state === 'running');
  }

  startAgent(): void {
    if (this.agent) return;
    const keeper = leaseKeeper({
      file: { read: (...args) => this.#readLease(...args), write: (lease) => void (this.#saved = lease) },
      bootId: String(this.boot),
      assignment: () => this.assignment,
      now: this.clock,
      uptime: this.uptime,
      log: silentLogger,
      onChange: () => undefined,
    });
    const pods = new Map<string, PodMemory>();
    if (this.assignment) applyAssignment(pods, this.assignment.pods, this.clock());
    this.agent = { keeper, pods, reportedAt: Number.NEGATIVE_INFINITY, wantsReport: true, waitsUntil: 0 };
  }

  killAgent(): void {
    this.agent?.keeper.close();
    this.agent = undefined;
    // What it had asked the engine for, the engine may still do.
    for (const [key, { step }] of this.#underWay) if (step.type !== 'startContainer') this.#underWay.delete(key);
  }

  reboot(): void {
    this.killAgent();
    this.#containers = this.#containers.map((c) => (c.state === 'running' ? { ...c, state: 'exited', exitCode: 137 } : c));
    this.#underWay.clear();
    this.boot++;
    this.#bootedAt = this.real;
  }

  assign(next: Assignment, askedAt: number): void {
    if (!this.agent) return;
    if (this.assignment && next.revision < this.assignment.revision) return;
    this.assignment = next;
    applyAssignment(this.agent.pods, next.pods, this.clock());
    this.agent.keeper.confirm(askedAt);
    if (this.agent.keeper.fenced() && !this.agent.keeper.holds()) this.agent.wantsReport = true;
  }

  /** What the agent says of its pods. */
  podReports(): PodReport[] {
    return Array.from(this.agent?.pods.values() ?? [], ({ pod, gone }) => {
      const { namespace = '', name, uid } = pod.metadata;
      const runs = this.running.some((c) => c.podUid === uid);
      return { namespace, name, uid, status: { phase: runs ? 'Running' : 'Pending' }, ...(gone && { gone: true }) };
    });
  }

  /** Time has come to `real`; `slowness` says how long the engine takes for what is begun now, ms. */
  tick(real: number, slowness: number): void {
    this.real = real;
    for (const [key, underWay] of this.#underWay) {
      if (underWay.doneAt > real) continue;
      this.#underWay.delete(key);
      this.#carryOut(underWay);
    }
    if (!this.agent) return;
    const now = this.clock();
    const { pods, keeper } = this.agent;
    const observed = new Map<string, ObservedContainer[]>();
    for (const c of this.#containers) observed.set(c.podUid, [...(observed.get(c.podUid) ?? []), c]);
    const busy = new Set(this.#underWay.keys());
    const bootId = String(this.boot);
    for (const memory of pods.values()) absorb(memory, observed.get(memory.pod.metadata.uid) ?? [], { now, bootId, busy });
    const at = keeper.lapsedAt();
    const graceSeconds = (this.assignment?.settings ?? FIRST_SETTINGS).fencedGraceSeconds;
    const { steps } = plan({
      now,
      bootId,
      pods: [...pods.values()],
      observed,
      busy,
      unhealthy: new Map(),
      volumes: new Map(),
      lapsed: at === undefined ? undefined : { at, graceSeconds },
    });
    for (const step of steps) this.#begin(step, slowness);
    const assigned = new Set(this.assignment?.pods.map(({ metadata }) => metadata.uid));
    for (const [uid, memory] of pods) if (memory.gone && !assigned.has(uid)) pods.delete(uid);
  }

  #begin(step: Step, slowness: number): void {
    if (step.type === 'cancelStep') {
      const canceled = this.#underWay.get(step.cancel);
      if (canceled?.step.type === 'startContainer') canceled.canceled = true;
      return;
    }
    // Programs take all the time that they are given, and the engine its own.
    const takes = step.type === 'stopContainer' ? (step.graceSeconds * 1000) / this.rate : 0;
    this.#underWay.set(step.key, { step, doneAt: this.real + takes + Math.min(slowness, 1_000), canceled: false });
  }

  #carryOut({ step, canceled }: UnderWay): void {
    const memory = this.agent?.pods.get(step.podUid);
    if (step.type === 'startContainer') {
      // The check that the executor makes right before it asks the engine.
      if (canceled || !memory || !this.agent || (isFenced(memory.pod) && !this.agent.keeper.holds())) return;
      const spec = memory.pod.spec.containers.find(({ name }) => name === step.container)!;
      const id = `${this.name}-${++this.#ids}`;
      this.#containers.push(containerOf(memory.pod, step.container, step.attempt, id, specHash(spec), this.clock()));
      recordStarted(containerMemory(memory, step.container), {
        attempt: step.attempt,
        bootId: String(this.boot),
        containerId: id,
        now: this.clock(),
      });
    } else if (step.type === 'stopContainer' || step.type === 'killContainer') {
      this.#containers = this.#containers.map((c) =>
        c.id === step.id ? { ...c, state: 'exited', exitCode: 143, finishedAt: this.clock() } : c,
      );
    } else if (step.type === 'removeContainer') {
      this.#containers = this.#containers.filter(({ id }) => id !== step.id);
    } else if (step.type === 'cleanPod' && memory?.ending) memory.gone = true;
  }

  /** As lease-file.ts reads it. */
  #readLease(bootId: string, revision: number | undefined, now: number, stopMs: number): HostLease {
    const saved = this.#saved;
    if (!saved || saved.bootId !== bootId || saved.until > now + stopMs || saved.since > now) return NO_LEASE;
    return { until: saved.until, since: saved.since, confirmed: saved.confirmed && saved.revision === revision };
  }
}

function containerOf(
  pod: PodMemory['pod'],
  container: string,
  attempt: number,
  id: string,
  hash: string,
  startedAt: number,
): ObservedContainer {
  return {
    id,
    podUid: pod.metadata.uid,
    namespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name,
    container,
    kind: 'main',
    attempt,
    specHash: hash,
    sandbox: undefined,
    graceSeconds: 30,
    state: 'running',
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt,
    finishedAt: undefined,
    ip: '10.0.0.2',
    imageId: 'sha256:1',
    image: 'app:1',
    tty: false,
  };
}
