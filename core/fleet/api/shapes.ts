import type { UnitOption } from '../unit-file.ts';

/** What fleet's HTTP API v1 says, as its schema has it: what is empty is left out. */

export interface FleetUnit {
  readonly name: string;
  readonly options?: readonly UnitOption[];
  readonly desiredState?: string;
  /** Not of global units. */
  readonly currentState?: string;
  readonly machineID?: string;
}

export interface FleetUnitState {
  readonly name: string;
  readonly hash: string;
  readonly machineID: string;
  readonly systemdLoadState: string;
  readonly systemdActiveState: string;
  readonly systemdSubState: string;
}

export interface FleetMachine {
  readonly id: string;
  readonly primaryIP?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Of fleet's own refusals, and ours in its shape. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  get body() {
    return { error: { code: this.status, message: this.message } };
  }
}
