import { advance, complete, fail, without } from './ledger.ts';
import type { InstanceStatus, Ledger, Package, Policy, Progress } from './model.ts';
import { isNewer } from './version.ts';

/** What the log knows of an instance that was given an update: written with its grants and events, not with its checks. */
export interface InstanceRecord {
  readonly status: InstanceStatus;
  /** The update that the status is about. */
  readonly package: Package | undefined;
  readonly since: number;
  /** Only with `error`. */
  readonly errorCode?: number | undefined;
  /** Only with `error`, from hosts that say more than a code. */
  readonly message?: string | undefined;
  /** Newest last. */
  readonly history: readonly StatusChange[];
}

export interface StatusChange {
  readonly status: InstanceStatus;
  readonly version: string | undefined;
  readonly at: number;
  readonly errorCode?: number | undefined;
}

const HISTORY_MAX = 20;

export const newInstance: InstanceRecord = { status: 'undefined', package: undefined, since: 0, history: [] };

/** What an instance says about its update. */
export type Happening =
  | { readonly type: 'progress'; readonly progress: Exclude<Progress, 'granted'> }
  | { readonly type: 'complete' }
  | { readonly type: 'error'; readonly code: number; readonly message?: string | undefined }
  /** It starts from scratch: a fresh install. */
  | { readonly type: 'reset' };

export interface Outcome {
  readonly record: InstanceRecord;
  readonly ledger: Ledger;
}

const UNDER_WAY: readonly InstanceStatus[] = ['granted', 'downloading', 'downloaded', 'installed'];

export function isUnderWay({ status }: InstanceRecord): boolean {
  return UNDER_WAY.includes(status);
}

/** Folds in what an instance tells. What it tells of an update that it wasn't given is passed over. */
export function fold(instance: string, happening: Happening, { record, ledger }: Outcome, policy: Policy, now: number): Outcome {
  if (happening.type === 'reset') {
    if (record.status === 'undefined') return { record, ledger };
    return { record: changed(record, 'undefined', undefined, now), ledger: without(ledger, instance) };
  }
  if (!isUnderWay(record)) return { record, ledger };
  switch (happening.type) {
    case 'progress':
      if (record.status === happening.progress) return { record, ledger };
      return {
        record: changed(record, happening.progress, record.package, now),
        ledger: advance(ledger, instance, happening.progress),
      };
    case 'complete':
      return {
        record: changed(record, 'complete', record.package, now),
        ledger: complete(ledger, instance, record.package?.version ?? ''),
      };
    case 'error':
      return {
        record: changed(record, 'error', record.package, now, happening),
        ledger: fail(ledger, instance, policy, now),
      };
  }
}

/** A host that runs what it was given is done, although its word on it was lost. */
export function arrived(record: InstanceRecord, version: string): boolean {
  return isUnderWay(record) && record.package !== undefined && !isNewer(record.package.version, version);
}

export function granted(record: InstanceRecord, update: Package, now: number): InstanceRecord {
  if (record.status === 'granted' && record.package?.name === update.name) return record;
  return changed(record, 'granted', update, now);
}

function changed(
  record: InstanceRecord,
  status: InstanceStatus,
  update: Package | undefined,
  now: number,
  error?: { readonly code: number; readonly message?: string | undefined },
): InstanceRecord {
  const code = error === undefined ? {} : { errorCode: error.code };
  const said = error?.message === undefined ? {} : { message: error.message };
  const history = [...record.history, { status, version: update?.version, at: now, ...code }].slice(-HISTORY_MAX);
  return { status, package: update, since: now, ...code, ...said, history };
}
