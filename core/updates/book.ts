import type { Key, KeyValue, ReadView, TxnView } from '../keyspace/types.ts';
import { prefixEnd } from '../resources/codec.ts';
import { type InstanceRecord, newInstance } from './instance.ts';
import { emptyLedger, type Grant, type Ledger } from './model.ts';

/**
 * Where the registry's log keeps what updates are about, beside the resources: a key a grant, so that writing one costs the same in a
 * group of ten and of a hundred thousand.
 *
 *     /updates/groups/<uid>/counts                                 version, completed, failed, halted
 *     /updates/groups/<uid>/underway/<instance>                    a Grant
 *     /updates/groups/<uid>/granted/<ms, 15 digits>/<instance>     a grant within the last period; no value
 *     /updates/instances/<application>/<instance>                  an InstanceRecord with its group
 *
 * A group is known by its uid: one that is made anew under the same name begins with empty books.
 */

export interface KeptInstance {
  readonly group: string;
  readonly record: InstanceRecord;
}

type Counts = Omit<Ledger, 'underWay' | 'grantedAt'>;

export const UPDATES_PREFIX = '/updates/';
const groupPrefix = (group: string): Key => `${UPDATES_PREFIX}groups/${group}/`;
const countsKey = (group: string): Key => `${groupPrefix(group)}counts`;
const underWayPrefix = (group: string): Key => `${groupPrefix(group)}underway/`;
const grantedPrefix = (group: string): Key => `${groupPrefix(group)}granted/`;
const instancesPrefix = (application: string): Key => `${UPDATES_PREFIX}instances/${application}/`;
const time = (ms: number): string => String(ms).padStart(15, '0');

export function readLedger(view: ReadView, group: string): Ledger {
  const counts = view.get(countsKey(group));
  const { version, completed, failed, halted, unreadyBefore } = { ...emptyLedger, ...(counts && decode<Counts>(counts)) };
  const underWay = Array.from(all(view, underWayPrefix(group)), (kv) => decode<Grant>(kv));
  const prefix = grantedPrefix(group);
  const grantedAt = Array.from(all(view, prefix), ({ key }) => Number(key.slice(prefix.length, prefix.length + 15)));
  return { version, completed, failed, halted, unreadyBefore, underWay, grantedAt };
}

/** Writes what differs. `instance`: whose grant a new time in `grantedAt` is. */
export function writeLedger(txn: TxnView, group: string, before: Ledger, after: Ledger, instance: string): void {
  if (before === after) return;
  const { version, completed, failed, halted, unreadyBefore } = after;
  const counts: Counts = { version, completed, failed, halted, unreadyBefore };
  if (Object.entries(counts).some(([name, value]) => before[name as keyof Counts] !== value)) put(txn, countsKey(group), counts);

  const kept = new Map(after.underWay.map((grant) => [grant.instance, grant]));
  for (const grant of before.underWay) if (!kept.has(grant.instance)) txn.delete(underWayPrefix(group) + grant.instance);
  const known = new Set(before.underWay);
  for (const grant of after.underWay) if (!known.has(grant)) put(txn, underWayPrefix(group) + grant.instance, grant);

  // Times only leave at the front and come at the end.
  const oldest = after.grantedAt[0] ?? Number.POSITIVE_INFINITY;
  const prefix = grantedPrefix(group);
  for (const { key } of Array.from(all(txn, prefix))) {
    if (Number(key.slice(prefix.length, prefix.length + 15)) >= oldest) break;
    txn.delete(key);
  }
  const last = before.grantedAt.at(-1);
  const added = after.grantedAt.at(-1);
  if (added !== undefined && (added !== last || after.grantedAt.length > before.grantedAt.length))
    txn.put(`${prefix}${time(added)}/${instance}`, new Uint8Array());
}

export function readInstance(view: ReadView, application: string, instance: string): KeptInstance | undefined {
  const kv = view.get(instancesPrefix(application) + instance);
  return kv && decode<KeptInstance>(kv);
}

export function writeInstance(txn: TxnView, application: string, instance: string, kept: KeptInstance): void {
  put(txn, instancesPrefix(application) + instance, kept);
}

export function forgetInstance(txn: TxnView, application: string, instance: string): void {
  txn.delete(instancesPrefix(application) + instance);
}

/** At most `count` instances of an application, from the one named `from` on, and then from the first one. */
export function* someInstances(
  view: ReadView,
  application: string,
  from: string,
  count: number,
): Generator<KeptInstance & { readonly instance: string }> {
  const prefix = instancesPrefix(application);
  let left = count;
  for (const [start, end] of [
    [prefix + from, prefixEnd(prefix)],
    [prefix, prefix + from],
  ] as const) {
    for (const kv of view.range(start, end)) {
      if (left-- <= 0) return;
      yield { instance: kv.key.slice(prefix.length), ...decode<KeptInstance>(kv) };
    }
  }
}

/** uid of every group that something is kept of. */
export function keptGroups(view: ReadView): string[] {
  const prefix = `${UPDATES_PREFIX}groups/`;
  const uids: string[] = [];
  // From each group straight to the next: a group can have many keys.
  for (let from: Key = prefix; ; from = prefixEnd(groupPrefix(uids.at(-1)!))) {
    const [next] = view.range(from, prefixEnd(prefix));
    if (!next) return uids;
    uids.push(next.key.slice(prefix.length, next.key.indexOf('/', prefix.length)));
  }
}

/** All that is kept of a group, when it is deleted. */
export function forgetGroup(txn: TxnView, group: string): void {
  for (const { key } of Array.from(all(txn, groupPrefix(group)))) txn.delete(key);
}

export const unknownInstance = (group: string): KeptInstance => ({ group, record: newInstance });

function all(view: ReadView, prefix: Key): IterableIterator<KeyValue> {
  return view.range(prefix, prefixEnd(prefix));
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };
const decoded = new WeakMap<KeyValue, unknown>();

/** Parsed once per KeyValue and shared: treat it as frozen. */
function decode<T>(kv: KeyValue): T {
  let value = decoded.get(kv);
  if (value === undefined) {
    value = JSON.parse(utf8.decoder.decode(kv.value));
    decoded.set(kv, value);
  }
  return value as T;
}

function put(txn: TxnView, key: Key, value: unknown): void {
  txn.put(key, utf8.encoder.encode(JSON.stringify(value)));
}
