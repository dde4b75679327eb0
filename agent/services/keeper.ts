import type { PodBridge } from '../../core/network/services/bridge-table.ts';
import type { Assignment } from '../../core/node/assignment.ts';

/** Keeps one part of the kernel's rules as an assignment asks. All may throw, NftError among others. */
export interface Keeper {
  readonly table: string;
  /** Reason of the Event that tells that it can't, and what is not done then. */
  readonly failure: { readonly reason: string; readonly what: string };
  /** Is there anything to keep? */
  wants(assignment: Assignment): boolean;
  enforce(assignment: Assignment, bridges: readonly PodBridge[]): Promise<void>;
  /** Puts back what others changed. Returns whether there was anything. */
  repair(): Promise<boolean>;
  clear(): Promise<void>;
}
