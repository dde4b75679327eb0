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

/** POST packages/<name>/uploads -> {uploads}: those of the package's files that aren't there yet, and where to PUT them. */
export interface PayloadUpload {
  readonly file: string;
  /** A path of this server's, with the caller's own credentials; or a URL elsewhere, with these headers and no credentials. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
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
