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
import type { Assignment } from '../../../core/node/assignment.ts';
import { isFenced } from '../../../core/node/fencing.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { PodReport } from '../../../core/node/report.ts';
import { SimGuard, type Told } from './sim-guard.ts';

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
  readonly guard = new SimGuard();
  readonly #unguarded: boolean;
  #ids = 0;
  /** The agent's process stands still until then, in real time; the rest of the host goes on. */
  #frozenUntil = 0;
  /** All of the host stands still until then, in real time, its work too. Its uptime goes on. */
  #pausedUntil = 0;
  /** When it went on last. */
  wokeAt = Number.NEGATIVE_INFINITY;

  /** `unguarded`: a bug put in on purpose. */
  constructor(name: string, rate: number, unguarded = false) {
    this.name = name;
    this.rate = rate;
    this.#unguarded = unguarded;
    this.startAgent();
  }

  readonly uptime = (): number => (this.real - this.#bootedAt) * this.rate;
  /** Of this host's wall clock, which nobody compares with another's. */
  readonly clock = (): number => 1e12 + this.real * this.rate;

  get paused(): boolean {
    return this.real < this.#pausedUntil;
  }

  /** Its agent is there and acts. */
  get attends(): boolean {
    return this.agent !== undefined && !this.paused && this.real >= this.#frozenUntil;
  }

  /** When its agent goes on, in real time, if it is there. */
  get attendsAt(): number {
    return Math.max(this.#frozenUntil, this.#pausedUntil);
  }

  freezeAgent(forMs: number): void {
    this.#frozenUntil = this.real + forMs;
  }

  pause(forMs: number): void {
    this.#pausedUntil = this.real + forMs;
  }

  /** All of it goes on. */
  thaw(): void {
    if (this.paused) this.wokeAt = this.real;
    this.#frozenUntil = this.#pausedUntil = 0;
  }

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
    this.#frozenUntil = 0;
    // What it had asked the engine for, the engine may still do.
    for (const [key, { step }] of this.#underWay) if (step.type !== 'startContainer') this.#underWay.delete(key);
  }

  reboot(): void {
    this.killAgent();
    this.#containers = this.#containers.map((c) => (c.state === 'running' ? { ...c, state: 'exited', exitCode: 137 } : c));
    this.#underWay.clear();
    this.guard.reboot();
    this.#pausedUntil = 0;
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
    const slept = this.paused;
    this.real = real;
    // Who goes on begins with the next step: nobody on it has looked at the time yet.
    if (slept && !this.paused) this.wokeAt = real;
    if (slept || this.paused) return;
    for (const [key, underWay] of this.#underWay) {
      // What the engine was asked for comes about; starting asks the agent once more.
      if (underWay.doneAt > real || (this.agent && !this.attends && isAgents(underWay.step))) continue;
      this.#underWay.delete(key);
      this.#carryOut(underWay);
    }
    if (!this.#unguarded) this.guardKills(this.guard.look(this.uptime()));
    if (this.agent && this.attends) this.#drive(this.agent, slowness);
  }

  /** What the host's guard ends. */
  protected guardKills({ containers }: Pick<Told, 'containers' | 'units'>): void {
    if (containers.length > 0) this.#end(({ id }) => containers.includes(id), 137);
  }

  /** Names of what is fenced and runs under systemd. */
  protected fencedUnits(): readonly string[] {
    return [];
  }

  #end(which: (container: ObservedContainer) => boolean, exitCode: number): void {
    this.#containers = this.#containers.map((c) =>
      c.state === 'running' && which(c) ? { ...c, state: 'exited', exitCode, finishedAt: this.clock() } : c,
    );
  }

  #drive({ pods, keeper }: NonNullable<FencedHost['agent']>, slowness: number): void {
    const now = this.clock();
    const observed = new Map<string, ObservedContainer[]>();
    for (const c of this.#containers) observed.set(c.podUid, [...(observed.get(c.podUid) ?? []), c]);
    const busy = new Set(this.#underWay.keys());
    const bootId = String(this.boot);
    for (const memory of pods.values()) absorb(memory, observed.get(memory.pod.metadata.uid) ?? [], { now, bootId, busy });
    const at = keeper.lapsedAt();
    const graceSeconds = keeper.graceSeconds();
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
    this.#tellGuard(keeper, graceSeconds);
  }

  #tellGuard(keeper: LeaseKeeper, graceSeconds: number): void {
    const fenced = new Set(this.#fencedUids());
    const containers = this.running.filter(({ podUid }) => fenced.has(podUid)).map(({ id }) => id);
    this.guard.tell({ until: keeper.until(), graceSeconds, containers, units: this.fencedUnits() });
  }

  #fencedUids(): string[] {
    return [...(this.agent?.pods.values() ?? [])].filter(({ pod }) => isFenced(pod)).map(({ pod }) => pod.metadata.uid);
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
      if (isFenced(memory.pod)) this.guard.start({ containers: [id] });
      this.#containers.push(containerOf(memory.pod, step.container, step.attempt, id, specHash(spec), this.clock()));
      recordStarted(containerMemory(memory, step.container), {
        attempt: step.attempt,
        bootId: String(this.boot),
        containerId: id,
        now: this.clock(),
      });
    } else if (step.type === 'stopContainer' || step.type === 'killContainer') {
      this.#end(({ id }) => id === step.id, 143);
    } else if (step.type === 'removeContainer') {
      this.#containers = this.#containers.filter(({ id }) => id !== step.id);
    } else if (step.type === 'cleanPod' && memory?.ending) memory.gone = true;
  }

  /** As lease-file.ts reads it. */
  #readLease(bootId: string, revision: number | undefined, now: number, stopMs: number): HostLease {
    const saved = this.#saved;
    if (!saved || saved.bootId !== bootId || saved.until > now + stopMs || saved.since > now) return NO_LEASE;
    const { until, since, graceSeconds } = saved;
    return {
      until,
      since,
      confirmed: saved.confirmed && saved.revision === revision,
      ...(graceSeconds !== undefined && { graceSeconds }),
    };
  }
}

/** Carried out by the agent, and not by the engine alone. */
const isAgents = ({ type }: Step): boolean => !['stopContainer', 'killContainer', 'removeContainer'].includes(type);

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
