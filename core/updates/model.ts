/**
 * CoreUpdate's model: an application has packages; a channel names one package an architecture; a group of instances follows a channel
 * under a policy. Here as the rules need it, already checked; times and durations in ms.
 */

export interface Package {
  /** Unique in the cluster. */
  readonly name: string;
  readonly version: string;
}

export interface Channel {
  /** What instances of the architecture that asks shall end up with. */
  readonly target: Package | undefined;
  /** The versions that instances of any architecture shall end up with: what the group's counts are about. */
  readonly aims: readonly string[];
  /** Versions that nobody may jump over, in any order. */
  readonly floors: readonly Package[];
}

/** Weekly times in which updates may begin. */
export interface Window {
  /** 0 = Sunday … 6 = Saturday; empty = every day. */
  readonly days: readonly number[];
  /** Minutes after midnight in `timeZone`. */
  readonly start: number;
  /** Minutes; may reach into the next day. */
  readonly length: number;
  /** IANA name. */
  readonly timeZone: string;
}

export type Rollout =
  | { readonly type: 'all' }
  /** 0..100. */
  | { readonly type: 'percentage'; readonly percent: number }
  /** From `start` on, another frame's share every `frame`, all after `duration`. */
  | { readonly type: 'linear'; readonly start: number; readonly duration: number; readonly frame: number }
  /** In order: a wave begins `after` the one before it. Who is in no wave comes with the last. */
  | { readonly type: 'waves'; readonly start: number; readonly waves: readonly Wave[] };

export interface Wave {
  readonly labels: Readonly<Record<string, string>>;
  readonly after: number;
}

export interface Policy {
  readonly enabled: boolean;
  readonly paused: boolean;
  /** The first instance alone; what goes wrong with it halts the group. */
  readonly safeMode: boolean;
  /** At most so many grants in any `period`, and so many updates under way. */
  readonly updatesMax: number;
  readonly period: number;
  /** An update that takes longer is given up. */
  readonly timeout: number;
  /** Empty: at any time. */
  readonly windows: readonly Window[];
  readonly rollout: Rollout;
  /** Halt when more than this part of the finished updates failed. Undefined: never. */
  readonly halt?: { readonly failedPercent: number; readonly afterFinished: number } | undefined;
  /** Halt when for so long more of the cluster's pods are missing than before the rollout. Undefined: never. */
  readonly unhealthyFor?: number | undefined;
}

/** What an instance does with an update that it was granted. */
export type Progress = 'granted' | 'downloading' | 'downloaded' | 'installed';

/** Installed = written and waiting for the reboot. */
export type InstanceStatus = 'undefined' | Progress | 'complete' | 'error';

/** One update under way: it holds one of the group's slots until it ends or times out. */
export interface Grant {
  readonly instance: string;
  readonly package: Package;
  readonly grantedAt: number;
  readonly progress: Progress;
  /** When its host was last told to wait for its turn to reboot, or given it: from then on it may take the group's timeout again. */
  readonly waitedAt?: number;
}

/** A group's book, changed in one transaction with each grant and each event: what the limits are counted from. */
export interface Ledger {
  /** What the counts below are about, as `aimOf` writes it: a new one starts them anew. */
  readonly version: string | undefined;
  readonly underWay: readonly Grant[];
  /** Times of grants within the last period, ascending. */
  readonly grantedAt: readonly number[];
  readonly completed: number;
  readonly failed: number;
  /** Pods of the cluster that were missing when the counts began. */
  readonly unreadyBefore: number;
  /** The rules stopped the group; a person resumes it. */
  readonly halted: { readonly reason: HaltReason; readonly at: number } | undefined;
}

export type HaltReason =
  | 'FirstUpdateFailed'
  | 'UpdateTimedOut'
  | 'TooManyFailures'
  | 'HostDidNotReturn'
  | 'DrainTimedOut'
  | 'ClusterUnhealthy'
  | 'AlertFiring'
  | 'HaltedByHand';

export const emptyLedger: Ledger = {
  version: undefined,
  underWay: [],
  grantedAt: [],
  completed: 0,
  failed: 0,
  unreadyBefore: 0,
  halted: undefined,
};
