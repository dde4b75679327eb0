/** What the agent told the host's fence guard last (agent/fencing/guard-file.ts), times by uptime, ms. */
export interface Told {
  readonly until: number;
  readonly graceSeconds: number;
  readonly containers: readonly string[];
  readonly units: readonly string[];
}

const NOTHING: Told = { until: Number.POSITIVE_INFINITY, graceSeconds: 0, containers: [], units: [] };
/** It lets the agent act first. */
const AFTER_MS = 500;

/**
 * The host's fence guard (docs/decisions/0028): a process of its own, which looks each second, and kills what is fenced when lease and grace are over, whatever
 * has become of the agent. Only its kill is played: programs take all the time that they are given.
 */
export class SimGuard {
  #told: Told = NOTHING;

  tell(told: Told): void {
    this.#told = told;
  }

  /** Before something is started: the guard knows of it by then. */
  start(what: Partial<Pick<Told, 'containers' | 'units'>>): void {
    const { containers, units } = this.#told;
    this.#told = {
      ...this.#told,
      containers: [...containers, ...(what.containers ?? [])],
      units: [...units, ...(what.units ?? [])],
    };
  }

  /** The file is in /run. */
  reboot(): void {
    this.#told = NOTHING;
  }

  /** What is to be killed now, if it runs. */
  look(uptime: number): Pick<Told, 'containers' | 'units'> {
    const { until, graceSeconds } = this.#told;
    return uptime >= until + graceSeconds * 1000 + AFTER_MS ? this.#told : NOTHING;
  }
}
