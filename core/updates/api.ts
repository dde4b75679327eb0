import type { Holder } from './holders.ts';
import type { StatusChange } from './instance.ts';
import type { HaltReason, InstanceStatus, Progress } from './model.ts';

/** The JSON of /clusters/<id>/updates/* as clients see it. Times are ms since the epoch. */

/** GET instances -> {instances} */
export interface InstanceView {
  readonly application: string;
  readonly id: string;
  /** Name of its group; absent: the group was deleted. */
  readonly group?: string;
  readonly version: string;
  readonly arch: string;
  readonly alias: string;
  readonly oem: string;
  readonly ip: string;
  readonly lastSeen: number;
  readonly status: InstanceStatus;
  /** What it was given. */
  readonly updatingTo?: string;
  readonly since?: number;
  readonly errorCode?: number;
  /** What went wrong, with the end of its log. */
  readonly message?: string;
  readonly history: readonly StatusChange[];
}

/** GET groups/<name> */
export interface GroupView {
  readonly name: string;
  readonly version?: string;
  readonly underWay: readonly {
    readonly instance: string;
    readonly version: string;
    readonly grantedAt: number;
    readonly progress: Progress;
  }[];
  readonly completed: number;
  readonly failed: number;
  readonly halted?: { readonly reason: HaltReason; readonly at: number };
  readonly reboots: { readonly max: number; readonly holders: readonly Holder[] };
}
