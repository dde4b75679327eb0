import type { OfferedUpdate, UpdateErrorName } from '../../core/updates/agent-protocol.ts';

/**
 * One way of updating a host. The machine (machine.ts) calls these in order, writes down where it is before each, and calls the one it
 * was at again after a crash: each must do no harm when it was done already, in whole or in part.
 *
 * They throw UpdateFailure when the update can't be done, and anything else when something went wrong with it.
 */
export interface UpdateDriver {
  /** Work on the host suffers from `activate`: it waits for its turn, which is a slot of the group's reboot lock. */
  readonly takesTurns: boolean;
  /** What is staged runs after a reboot. */
  readonly bootsInto: boolean;
  /** Why this host can't be updated this way; undefined: it can. */
  problem(): Promise<string | undefined>;
  /** Version that runs. */
  status(): Promise<string>;
  /** Is this package for this host? Before anything is downloaded. */
  check(update: OfferedUpdate): Promise<void>;
  download(update: OfferedUpdate, signal: AbortSignal): Promise<void>;
  /** Writes it to where it doesn't disturb what runs. */
  stage(update: OfferedUpdate, signal: AbortSignal): Promise<void>;
  activate(update: OfferedUpdate, signal: AbortSignal): Promise<Activation>;
  /** It ran well: keep it. */
  confirm(update: OfferedUpdate): Promise<void>;
  /** Makes the host run again what ran before, whatever has become of the update. */
  rollback(update: OfferedUpdate): Promise<Activation | 'impossible'>;
  /** The update is over, one way or the other, or isn't wanted any more: whatever it left beside the running system, which is well, may go. */
  discard(update: OfferedUpdate): Promise<void>;
  /** This agent has begun and reached the control plane, with no update under way: the boot was a good one. */
  keep?(): Promise<void>;
  /** Why the version before runs, if the host knows. */
  explain?(): Promise<string | undefined>;
}

/** `running`: it runs now. `reboot`: it will after a reboot. `restart`: it will as soon as this agent ends. */
export type Activation = 'running' | 'reboot' | 'restart';

/** Operating systems that look for updates themselves (update_engine): the agent finds what they have staged. */
export interface SelfUpdatingDriver extends Omit<UpdateDriver, 'check' | 'download' | 'stage'> {
  /** What waits for a reboot; undefined: nothing. */
  staged(): Promise<OfferedUpdate | undefined>;
}

export type AnyUpdateDriver = UpdateDriver | SelfUpdatingDriver;

export function isSelfUpdating(driver: AnyUpdateDriver): driver is SelfUpdatingDriver {
  return 'staged' in driver;
}

/** The update can't be done. `name`: which entry of the error codes; `message`: for people, with the end of the log. */
export class UpdateFailure extends Error {
  readonly error: UpdateErrorName;

  constructor(error: UpdateErrorName, message: string) {
    super(message);
    this.error = error;
  }
}
