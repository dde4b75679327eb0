import type { OpenKeyspace } from '../keyspace/open.ts';
import { ALARMS_PROPERTY, alarmsOf, encodeAlarms } from './alarms.ts';
import { EtcdError } from './errors.ts';
import type { Operation, TxnRequest } from './requests.ts';
import type { AlarmMember } from './service.ts';

/** etcd's default --quota-backend-bytes. */
export const QUOTA_BYTES = 2_000_000_000;

export interface SpaceOptions {
  readonly keyspace: OpenKeyspace;
  readonly memberId: bigint;
  /** How much the store may take, bytes; asked before each write that needs space. */
  readonly quotaBytes: () => number;
}

/**
 * The quota. A write that would go beyond it raises the alarm NOSPACE, which is in the log; while it is raised nothing that takes space
 * is written, but reads, deletes and compactions go on. Whoever made room disarms it.
 */
export class Space {
  readonly #options: SpaceOptions;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** For a write of about so many bytes; throws "database space exceeded". `source`: the state that it is done on. */
  async admit(bytes: number): Promise<void> {
    const { keyspace, quotaBytes, memberId } = this.#options;
    if (bytes === 0 || keyspace.bytes + bytes <= quotaBytes()) return;
    await keyspace.transact((txn) => raise(txn, { memberId, alarm: 'NOSPACE' }));
    throw EtcdError.of('noSpace');
  }
}

interface Alarmed {
  property(name: string): Uint8Array | undefined;
}
interface Alarmable extends Alarmed {
  setProperty(name: string, value: Uint8Array | undefined): void;
}

/** Throws "database space exceeded" while that alarm is raised. */
export function requireSpace(source: Alarmed): void {
  if (alarmsOf(source.property(ALARMS_PROPERTY)).some(({ alarm }) => alarm === 'NOSPACE')) throw EtcdError.of('noSpace');
}

/** False: it was raised before. */
export function raise(txn: Alarmable, raised: AlarmMember): boolean {
  const alarms = alarmsOf(txn.property(ALARMS_PROPERTY));
  if (alarms.some((each) => isSame(each, raised))) return false;
  txn.setProperty(ALARMS_PROPERTY, encodeAlarms([...alarms, raised]));
  return true;
}

/** False: it wasn't raised. */
export function disarm(txn: Alarmable, raised: AlarmMember): boolean {
  const alarms = alarmsOf(txn.property(ALARMS_PROPERTY));
  const left = alarms.filter((each) => !isSame(each, raised));
  if (left.length === alarms.length) return false;
  txn.setProperty(ALARMS_PROPERTY, encodeAlarms(left));
  return true;
}

const isSame = (a: AlarmMember, b: AlarmMember) => a.memberId === b.memberId && a.alarm === b.alarm;

/** What a write takes beside keys and values, about: etcd's figures. */
const PUT_BYTES = 256;
export const LEASE_BYTES = 64;

export function putCost({ key, value }: { readonly key: string; readonly value: Uint8Array }): number {
  return PUT_BYTES + key.length + value.length;
}

/** Of the dearer branch. */
export function txnCost({ success, failure }: TxnRequest): number {
  const cost = (operations: readonly (Operation | undefined)[]) =>
    operations.reduce((sum, each) => sum + (each ? operationCost(each) : 0), 0);
  return Math.max(cost(success), cost(failure));
}

function operationCost({ type, request }: Operation): number {
  if (type === 'put') return putCost(request);
  return type === 'txn' ? txnCost(request) : 0;
}
