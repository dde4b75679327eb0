import type { Clock } from '../ports/clock.ts';
import type { OpenKeyspace } from '../keyspace/open.ts';
import { ALARMS_PROPERTY, alarmsOf, encodeAlarms } from './alarms.ts';
import { EtcdError } from './errors.ts';
import type { Operation, TxnRequest } from './requests.ts';
import type { AlarmMember } from './service.ts';

export interface SpaceOptions {
  readonly keyspace: OpenKeyspace;
  readonly memberId: bigint;
  readonly clock: Clock;
  /** How much the store may take, bytes, where those who share don't say; asked before each write that needs space. */
  readonly quotaBytes: () => number;
  /** Others that share the quota. */
  readonly shared?: SharedSpace | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What is known of those that share a quota. */
export interface SharedSpace {
  report(bytes: number): Promise<void>;
  others(): Promise<number>;
  /** What all of them together may take, bytes; undefined: nobody said. */
  quota(): Promise<number | undefined>;
}

/** A change of what the store takes is told at once from this on, bytes; a smaller one when others are asked about. */
const REPORT_BYTES = 1_000_000;
/** How long what others take is taken for granted. */
const OTHERS_MS = 60_000;

/**
 * The quota. A write that would go beyond it raises the alarm NOSPACE, which is in the log; while it is raised nothing that takes space
 * is written, but reads, deletes and compactions go on. Whoever made room disarms it.
 */
export class Space {
  readonly #options: SpaceOptions;
  #others = 0;
  #quota: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #told = 0;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /**
   * Raises the alarm if a write of about so many bytes would go beyond the quota. It is the write itself that is refused then
   * (`requireSpace`): one that was made before, and is only sent again, is answered as it was. Undefined: there is nothing to wait for.
   */
  admit(bytes: number): Promise<void> | undefined {
    if (bytes === 0) return undefined;
    const { shared, clock, keyspace } = this.#options;
    const now = clock.now();
    const due = shared && (now - this.#askedAt >= OTHERS_MS || Math.abs(keyspace.bytes - this.#told) >= REPORT_BYTES);
    return due || !this.#fits(bytes) ? this.#admit(bytes, now) : undefined;
  }

  #fits(bytes: number): boolean {
    return this.#options.keyspace.bytes + this.#others + bytes <= (this.#quota ?? this.#options.quotaBytes());
  }

  async #admit(bytes: number, now: number): Promise<void> {
    const { keyspace, memberId, shared, onError } = this.#options;
    // What others take is known about, at best: no write fails for not knowing it.
    if (shared) await this.#share(shared, now).catch((error: unknown) => onError?.(error));
    if (this.#fits(bytes)) return;
    await keyspace.transact((txn) => raise(txn, { memberId, alarm: 'NOSPACE' }));
  }

  async #share(shared: SharedSpace, now: number): Promise<void> {
    const { bytes } = this.#options.keyspace;
    const ask = now - this.#askedAt >= OTHERS_MS;
    if (Math.abs(bytes - this.#told) >= (ask ? 1 : REPORT_BYTES)) {
      this.#told = bytes;
      await shared.report(bytes);
    }
    if (!ask) return;
    this.#askedAt = now;
    [this.#others, this.#quota] = await Promise.all([shared.others(), shared.quota()]);
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
