import type { KeyValue, ReadView, TxnView } from '../keyspace/types.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { listResources, type WriteContext } from '../resources/write.ts';
import { readLedger, UPDATES_PREFIX, writeLedger } from './book.ts';
import { tellStatus } from './check.ts';
import { halt } from './ledger.ts';
import { policyOf, windowsOf } from './settings.ts';
import { windowIsOpen } from './windows.ts';

/**
 * Who of a group may reboot: at most `reboots.max` hosts hold a slot, from before they go down until they say that they are well again.
 * FleetLock, locksmith and Terrane's own agent all take slots of this one lock.
 */
export interface RebootLock {
  readonly group: UpdateGroup;
  readonly max: number;
  readonly holders: readonly Holder[];
  /** Revision that last changed it; of the group, if nobody ever held it. */
  readonly revision: number;
}

export interface Holder {
  readonly id: string;
  readonly since: number;
}

export type LockAnswer =
  | { readonly type: 'held' }
  | { readonly type: 'refused'; readonly reason: LockRefusal; readonly message: string }
  | { readonly type: 'unknown-group' };

export type LockRefusal = 'NoFreeSlot' | 'OutsideWindow' | 'Halted';

/** The group of that name or track; its application doesn't matter, since a host reboots as a whole. */
export function findLock(view: ReadView, name: string): RebootLock | undefined {
  const wanted = name.toLowerCase();
  const groups = listResources(view, 'UpdateGroup');
  const group =
    groups.find(({ metadata }) => metadata.name === wanted) ??
    groups.find(({ spec }) => spec.tracks?.some((track) => track.toLowerCase() === wanted));
  return group && lockOf(view, group);
}

export function lockOf(view: ReadView, group: UpdateGroup): RebootLock {
  const kv = view.get(keyOf(group));
  const revision = kv?.modRevision ?? Number(group.metadata.resourceVersion);
  return { group, max: group.spec.reboots?.max ?? 1, holders: kv ? decode(kv) : [], revision };
}

/** Asking again while holding is fine: the answer may have been lost. */
export function acquire(txn: TxnView, name: string, id: string, ctx: WriteContext): LockAnswer {
  const lock = findLock(txn, name);
  if (!lock) return { type: 'unknown-group' };
  const { group, max, holders } = lock;
  if (holders.some((holder) => holder.id === id)) return { type: 'held' };
  const lost = haltOnLost(txn, lock, ctx);
  if (lost) return refused('Halted', `${lost.id} holds a slot since ${iso(lost.since)} and did not come back`);
  if (readLedger(txn, group.metadata.uid).halted) return refused('Halted', `the group ${group.metadata.name} is halted`);
  if (!windowIsOpen(windowsOf(group.spec.reboots?.windows), ctx.now))
    return refused('OutsideWindow', 'reboots of this group wait for their window');
  if (holders.length >= max) {
    const who = holders.map((holder) => `${holder.id} since ${iso(holder.since)}`).join(', ');
    return refused('NoFreeSlot', `${max === 1 ? 'the only slot is' : `all ${max} slots are`} held: ${who}`);
  }
  write(txn, group, [...holders, { id, since: ctx.now }]);
  return { type: 'held' };
}

/** Also what a person does for a host that never comes back. Releasing what isn't held is fine. */
export function release(txn: TxnView, name: string, id: string): LockAnswer {
  const lock = findLock(txn, name);
  if (!lock) return { type: 'unknown-group' };
  const left = lock.holders.filter((holder) => holder.id !== id);
  if (left.length < lock.holders.length) write(txn, lock.group, left);
  return { type: 'held' };
}

/** A host that takes longer than an update may is taken for lost: it keeps its slot, and nobody else goes down before a person looked. */
function haltOnLost(txn: TxnView, { group, holders }: RebootLock, ctx: WriteContext): Holder | undefined {
  const { timeout } = policyOf(group);
  const lost = holders.find(({ since }) => ctx.now - since > timeout);
  if (!lost) return undefined;
  const { uid } = group.metadata;
  const ledger = readLedger(txn, uid);
  const halted = halt(ledger, 'HostDidNotReturn', ctx.now);
  writeLedger(txn, uid, ledger, halted, lost.id);
  if (halted !== ledger) tellStatus(txn, group, halted, ctx);
  return lost;
}

const keyOf = (group: UpdateGroup): string => `${UPDATES_PREFIX}groups/${group.metadata.uid}/rebootlock`;
const refused = (reason: LockRefusal, message: string): LockAnswer => ({ type: 'refused', reason, message });
const iso = (ms: number): string => new Date(ms).toISOString();

function decode(kv: KeyValue): Holder[] {
  return JSON.parse(new TextDecoder().decode(kv.value)) as Holder[];
}

function write(txn: TxnView, group: UpdateGroup, holders: readonly Holder[]): void {
  txn.put(keyOf(group), new TextEncoder().encode(JSON.stringify(holders)));
}
