import type { AssignedUnit, UnitReport } from '../../../core/node/assigned-unit.ts';

/** One run of a unit's process on one host. */
export interface Run {
  readonly unit: string;
  readonly host: string;
  readonly startedAt: number;
  endedAt?: number;
}

interface Loaded {
  assigned: AssignedUnit;
  readonly uid: string;
  hash: string;
  launched?: number;
  run?: Run;
  /** What it is about to have done. */
  job?: { readonly what: 'start' | 'stop'; readonly doneAt: number; readonly generation: number };
  since: number;
}

export interface UnitHostOptions {
  /** How long systemd takes to start and to stop a unit, ms. */
  readonly startMs: number;
  readonly stopMs: number;
}

/**
 * A host's systemd as the agent drives it: it makes what is assigned true step by step, each of which takes its time, and says what is. The rules are those
 * of core/node/assigned-unit.ts.
 */
export class UnitHost {
  readonly name: string;
  /** Every run there ever was. */
  readonly runs: Run[] = [];
  readonly #options: UnitHostOptions;
  readonly #units = new Map<string, Loaded>();
  #gone: UnitReport[] = [];

  constructor(name: string, options: UnitHostOptions) {
    this.name = name;
    this.#options = options;
  }

  get running(): string[] {
    return this.runs.filter(({ endedAt }) => endedAt === undefined).map(({ unit }) => unit);
  }

  /** `fencedMayRun`: the host lease is held. */
  step(assigned: readonly AssignedUnit[], now: number, fencedMayRun = true): void {
    const wanted = new Map(assigned.map((unit) => [unit.name, unit]));
    this.#gone = [];
    for (const unit of this.#units.values()) this.#finish(unit, now);
    for (const [name, loaded] of this.#units) {
      const next = wanted.get(name);
      if (next && next.uid === loaded.uid && next.desired !== 'absent') loaded.assigned = next;
      else this.#remove(loaded, now);
    }
    for (const unit of wanted.values()) {
      const loaded = this.#units.get(unit.name);
      if (unit.desired === 'absent') {
        if (!loaded) this.#gone.push(goneReport(unit));
      } else if (!loaded) this.#units.set(unit.name, { assigned: unit, uid: unit.uid, hash: unit.hash, since: now });
    }
    for (const unit of this.#units.values())
      if (wanted.get(unit.assigned.name)?.uid === unit.uid) this.#drive(unit, now, fencedMayRun);
  }

  /** The power fails: nothing runs any more, and /run is empty. */
  crash(now: number): void {
    for (const run of this.runs) run.endedAt ??= now;
    this.#units.clear();
    this.#gone = [];
  }

  reports(): UnitReport[] {
    return [...[...this.#units.values()].map((unit) => this.#report(unit)), ...this.#gone];
  }

  #finish(unit: Loaded, now: number): void {
    const { job } = unit;
    if (!job || job.doneAt > now) return;
    delete unit.job;
    unit.since = now;
    if (job.what === 'stop') {
      if (unit.run) unit.run.endedAt = now;
      delete unit.run;
    } else unit.launched = job.generation;
  }

  #remove(unit: Loaded, now: number): void {
    if (unit.run) this.#stop(unit, now);
    else if (!unit.job) this.#units.delete(unit.assigned.name);
  }

  #drive(unit: Loaded, now: number, fencedMayRun: boolean): void {
    const { desired, generation, fenced, hash } = unit.assigned;
    const mayRun = desired === 'launched' && (fencedMayRun || !fenced);
    if (unit.run && (!mayRun || (!unit.job && unit.launched !== generation))) this.#stop(unit, now);
    if (unit.run || unit.job) return;
    // As the driver forgets what it has stopped.
    if (!mayRun) delete unit.launched;
    unit.hash = hash;
    if (mayRun) this.#start(unit, now, generation);
  }

  #start(unit: Loaded, now: number, generation: number): void {
    unit.run = { unit: unit.assigned.name, host: this.name, startedAt: now };
    this.runs.push(unit.run);
    unit.since = now;
    unit.job = { what: 'start', doneAt: now + this.#options.startMs, generation };
  }

  #stop(unit: Loaded, now: number): void {
    if (unit.job?.what === 'stop') return;
    unit.since = now;
    unit.job = { what: 'stop', doneAt: now + this.#options.stopMs, generation: 0 };
  }

  #report(unit: Loaded): UnitReport {
    const { name, placement } = unit.assigned;
    const { job } = unit;
    const activeState = job ? (job.what === 'start' ? 'activating' : 'deactivating') : unit.run ? 'active' : 'inactive';
    return {
      name,
      uid: unit.uid,
      placement,
      hash: unit.hash,
      loadState: 'loaded',
      activeState,
      subState: { activating: 'start', deactivating: 'stop', active: 'running', inactive: 'dead' }[activeState],
      since: new Date(unit.since).toISOString(),
      ...(unit.launched !== undefined && { launched: unit.launched }),
    };
  }
}

function goneReport({ name, uid, placement }: AssignedUnit): UnitReport {
  return { name, uid, placement, gone: true, hash: '', loadState: 'not-found', activeState: 'inactive', subState: 'dead' };
}
