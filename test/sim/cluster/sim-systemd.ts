import type { Launch, ObservedUnit, SystemdState, UnitFile } from '../../../agent/systemd/observed.ts';
import { planUnits, type UnitPlanInput } from '../../../agent/systemd/plan-units.ts';
import { unitReports } from '../../../agent/systemd/unit-reports.ts';
import type { UnitStep } from '../../../agent/systemd/unit-steps.ts';
import type { AssignedUnit, UnitReport } from '../../../core/node/assigned-unit.ts';

/** A unit's process: `startedAt` tells runs apart. */
export interface Process {
  readonly unit: string;
  readonly startedAt: number;
}

interface Service {
  process?: Process;
  /** What systemd is about to have done. */
  job?: { readonly id: number; readonly what: 'start' | 'stop'; readonly doneAt: number };
  invocation: string;
  since: number;
}

export interface TickInput {
  /** Time as nobody on the host knows it, ms. */
  readonly real: number;
  readonly assigned: readonly AssignedUnit[];
  readonly lapsed: UnitPlanInput['lapsed'];
  readonly mayRun: () => boolean;
  /** The lease that is held: LeaseKeeper.number. */
  readonly lease: number;
  /** A fenced unit is about to be started. */
  readonly onStart: (unit: string) => void;
  /** How long the agent's steps and systemd's jobs take, ms. */
  readonly slowness: number;
}

/** systemd on lists, and the agent's real planner that drives it. Every run there ever was is kept. */
export class SimSystemd {
  readonly processes: Process[] = [];
  /** Processes of which the start has been asked for. */
  starts = 0;
  readonly #files = new Map<string, UnitFile>();
  readonly #launches = new Map<string, Launch>();
  readonly #services = new Map<string, Service>();
  #underWay: { readonly step: UnitStep; readonly doneAt: number }[] = [];
  #stale = false;
  #numbers = 0;

  get running(): string[] {
    return [...this.#services.values()].flatMap(({ process }) => (process ? [process.unit] : []));
  }

  /** The agent's process is gone: what it had not asked systemd for does not come about. */
  agentDied(): void {
    this.#underWay = [];
  }

  /** Files and memory are in /run. */
  reboot(): void {
    this.agentDied();
    for (const memory of [this.#files, this.#launches, this.#services]) memory.clear();
    this.#stale = false;
  }

  /** systemd goes on without the agent. */
  passTime(real: number): void {
    for (const [name, service] of this.#services) {
      const { job } = service;
      if (!job || job.doneAt > real) continue;
      if (job.what === 'stop') delete service.process;
      const launch = this.#launches.get(name);
      if (launch?.starting && launch.job === job.id) this.#launches.set(name, { ...launch, starting: false });
      delete service.job;
      service.since = real;
    }
  }

  /** The host's guard ends all of its processes. */
  killed(name: string): void {
    const service = this.#services.get(name);
    if (!service) return;
    delete service.process;
    delete service.job;
  }

  drive(input: TickInput): void {
    const { real, assigned, lapsed, slowness, lease } = input;
    const due = this.#underWay.filter(({ doneAt }) => doneAt <= real);
    this.#underWay = this.#underWay.filter(({ doneAt }) => doneAt > real);
    for (const { step } of due) this.#carryOut(step, input);
    const busy = new Set(this.#underWay.map(({ step }) => step.name));
    const observed = this.#observed(assigned);
    const { steps } = planUnits({
      now: real,
      units: assigned,
      observed,
      launches: this.#launches,
      busy,
      stale: this.#stale,
      lapsed,
      lease,
      pathOf,
    });
    for (const step of steps) this.#underWay.push({ step, doneAt: real + slowness });
  }

  reports(assigned: readonly AssignedUnit[]): UnitReport[] {
    return unitReports({
      units: assigned,
      observed: this.#observed(assigned),
      launches: this.#launches,
      pathOf,
      time: (at) => new Date(at).toISOString(),
    });
  }

  #observed(assigned: readonly AssignedUnit[]): Map<string, ObservedUnit> {
    const names = new Set([...this.#files.keys(), ...assigned.map(({ name }) => name)]);
    return new Map([...names].map((name) => [name, { file: this.#files.get(name), state: this.#state(name) }]));
  }

  #state(name: string): SystemdState {
    const file = this.#files.get(name);
    const service = this.#services.get(name);
    const running = service?.process !== undefined;
    const stopping = service?.job?.what === 'stop';
    const activeState = service?.job ? (stopping ? 'deactivating' : 'activating') : running ? 'active' : 'inactive';
    return {
      loadState: file ? 'loaded' : 'not-found',
      activeState,
      subState: running ? 'running' : 'dead',
      fragmentPath: file ? pathOf(name) : '',
      invocationId: service?.invocation ?? '',
      jobId: service?.job?.id ?? 0,
      since: service?.since,
      needsReload: false,
      loadError: '',
    };
  }

  #carryOut(step: UnitStep, { real, slowness, mayRun, lease, onStart }: TickInput): void {
    const { name } = step;
    switch (step.type) {
      case 'writeUnit':
        this.#files.set(name, { uid: step.unit.uid, hash: step.unit.hash });
        this.#stale = true;
        return;
      case 'removeUnit':
        this.#files.delete(name);
        this.#launches.delete(name);
        this.#stale = true;
        return;
      case 'reload':
        this.#stale = false;
        return;
      case 'startUnit': {
        if (step.fenced && (!mayRun() || step.lease !== lease)) return;
        if (step.fenced) onStart(name);
        const { uid, generation } = step;
        const id = ++this.#numbers;
        const before = this.#services.get(name)?.invocation ?? '';
        const under = step.lease === undefined ? {} : { lease: step.lease };
        this.#launches.set(name, { uid, generation, ...under, starting: true, invocationBefore: before, job: id });
        const process = { unit: name, startedAt: real };
        this.processes.push(process);
        this.starts++;
        this.#services.set(name, {
          process,
          job: { id, what: 'start', doneAt: real + slowness },
          invocation: `i${id}`,
          since: real,
        });
        return;
      }
      case 'stopUnit': {
        const service = this.#services.get(name);
        const launch = this.#launches.get(name);
        if (launch) this.#launches.set(name, { ...launch, stopping: true });
        if (service?.process) service.job = { id: ++this.#numbers, what: 'stop', doneAt: real + slowness };
        return;
      }
      case 'killUnit':
        this.killed(name);
        return;
      case 'forgetLaunch':
        this.#launches.delete(name);
    }
  }
}

const pathOf = (name: string) => `/run/systemd/system/${name}`;
