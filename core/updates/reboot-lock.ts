import { unitsToLeave } from '../controllers/units/emptied.ts';
import type { ReadView, TxnView } from '../keyspace/types.ts';
import type { Node } from '../resources/schema/node.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { getResource, listResources, updateResource, type WriteContext } from '../resources/write.ts';
import { readLedger, writeLedger } from './book.ts';
import { haltGroup } from './halting.ts';
import { type Holder, readHolders, writeHolders } from './holders.ts';
import { isHost } from './host-identity.ts';
import { waits } from './ledger.ts';
import { marked, markOf, released, toLeave } from './reboot-mark.ts';
import { policyOf, windowsOf } from './settings.ts';
import { tellStatus } from './status.ts';
import { normal, tell } from './tell.ts';
import { windowIsOpen } from './windows.ts';

/**
 * Who of a group may reboot: at most `reboots.max` hosts hold a slot, from before their pods leave until they say that they are well again.
 * FleetLock, locksmith and Terrane's own agent all take slots of this one lock. A host that is a node of the cluster is cordoned and drained first
 * (core/controllers/node-reboots.ts does that), and told to ask again meanwhile.
 */
export interface RebootLock {
  readonly group: UpdateGroup;
  readonly max: number;
  readonly holders: readonly Holder[];
  /** Revision that last changed it; of the group, if nobody ever held it. */
  readonly revision: number;
}

export type LockAnswer =
  | { readonly type: 'held' }
  | { readonly type: 'refused'; readonly reason: LockRefusal; readonly message: string }
  | { readonly type: 'unknown-group' };

export type LockRefusal = 'NoFreeSlot' | 'OutsideWindow' | 'Halted' | 'Paused' | 'Draining';

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
  const { holders, revision } = readHolders(view, group.metadata.uid);
  const max = group.spec.reboots?.max ?? 1;
  return { group, max, holders, revision: revision ?? Number(group.metadata.resourceVersion) };
}

/** Asking again while holding is fine: the answer may have been lost. So is asking again while draining: that's how a host waits. */
export function acquire(txn: TxnView, name: string, id: string, ctx: WriteContext): LockAnswer {
  const lock = findLock(txn, name);
  if (!lock) return { type: 'unknown-group' };
  const { max, holders } = lock;
  const mine = holders.find((holder) => holder.id === id);
  if (mine && !mine.draining) return { type: 'held' };
  noteWait(txn, lock.group, id, ctx);
  const refusal = mayReboot(txn, lock, ctx);
  if (refusal) {
    // It doesn't go down now, so its node shouldn't wait empty.
    if (mine) release(txn, name, id, ctx);
    return refusal;
  }
  if (!mine && holders.length >= max) {
    const who = holders.map((holder) => `${holder.id} since ${iso(holder.since)}`).join(', ');
    return refused('NoFreeSlot', `${max === 1 ? 'the only slot is' : `all ${max} slots are`} held: ${who}`);
  }
  return prepare(txn, lock, id, mine, ctx);
}

/** A window may open next week, and a hundred hosts take turns one by one: the update of a host that waits for that takes no longer than it may. */
function noteWait(txn: TxnView, group: UpdateGroup, id: string, { now }: WriteContext): void {
  const { uid } = group.metadata;
  const ledger = readLedger(txn, uid);
  writeLedger(txn, uid, ledger, waits(ledger, id, policyOf(group), now), '');
}

/** Also what a person does for a host that never comes back. Releasing what isn't held is fine. */
export function release(txn: TxnView, name: string, id: string, ctx: WriteContext): LockAnswer {
  const lock = findLock(txn, name);
  if (!lock) return { type: 'unknown-group' };
  const mine = lock.holders.find((holder) => holder.id === id);
  if (mine) drop(txn, lock.group, mine, ctx);
  return { type: 'held' };
}

/** What becomes of a slot that was held for longer than an update may take. Pure: nothing is written. */
function overdue(group: UpdateGroup, { since }: Pick<Holder, 'since'>, now: number): boolean {
  return now - since > policyOf(group).timeout;
}

/**
 * A host that takes too long halts its group. One that went down is taken for lost and keeps its slot: nobody else goes down before a person
 * looked. One that could not be drained stays up, and is as before.
 */
export function giveUpOn(txn: TxnView, name: string, id: string, ctx: WriteContext): void {
  const lock = findLock(txn, name);
  const holder = lock?.holders.find((one) => one.id === id);
  if (!lock || !holder || !overdue(lock.group, holder, ctx.now)) return;
  if (holder.draining) {
    const left = holder.node === undefined ? undefined : whatIsLeft(txn, holder.node);
    drop(txn, lock.group, holder, ctx);
    haltGroup(
      txn,
      name,
      'DrainTimedOut',
      `the pods and units of ${holder.node ?? id} did not leave in time, so it was not rebooted${left === undefined ? '' : `: ${left}`}`,
      ctx,
    );
  } else haltGroup(txn, name, 'HostDidNotReturn', lost(holder), ctx);
}

function mayReboot(txn: TxnView, { group, holders }: RebootLock, ctx: WriteContext): LockAnswer | undefined {
  const late = holders.find((holder) => overdue(group, holder, ctx.now));
  if (late) {
    giveUpOn(txn, group.metadata.name, late.id, ctx);
    return refused('Halted', late.draining ? `the pods and units of ${late.id} did not leave in time` : lost(late));
  }
  if (readLedger(txn, group.metadata.uid).halted) return refused('Halted', `the group ${group.metadata.name} is halted`);
  if (group.spec.paused) return refused('Paused', `the group ${group.metadata.name} is paused`);
  if (!windowIsOpen(windowsOf(group.spec.reboots?.windows), ctx.now))
    return refused('OutsideWindow', 'reboots of this group wait for their window');
  return undefined;
}

/** Gives the slot to a host that nothing keeps, else has its node drained first, on that slot. */
function prepare(txn: TxnView, lock: RebootLock, id: string, mine: Holder | undefined, ctx: WriteContext): LockAnswer {
  const { group } = lock;
  const others = lock.holders.filter((holder) => holder !== mine);
  const node = group.spec.reboots?.drain === false ? undefined : ownNode(txn, group, id);
  const name = node?.metadata.name;
  const left = name === undefined ? undefined : whatIsLeft(txn, name);
  const state = left === undefined ? 'rebooting' : 'draining';
  // One that was uncordoned meanwhile is cordoned again: it would fill as fast as it is emptied, until its time is over and the group halts.
  if (node && (markOf(node)?.state !== state || !node.spec?.unschedulable))
    updateResource(txn, marked(node, group.metadata.uid, state, ctx.now), ctx);
  const asNode = name !== undefined && { node: name };
  if (left !== undefined) {
    if (!mine) {
      write(txn, group, [...others, { id, since: ctx.now, ...asNode, draining: true }], ctx);
      tell(txn, group, normal('Draining', `${id} is to reboot: the pods and units of node ${name} leave first`), ctx);
    }
    return refused('Draining', `${left}: ask again`);
  }
  write(txn, group, [...others, { id, since: ctx.now, ...asNode }], ctx);
  tell(txn, group, normal('RebootGranted', `${id} may reboot`), ctx);
  return { type: 'held' };
}

/** The work that has yet to leave the node, in words; undefined: none. */
function whatIsLeft(txn: TxnView, nodeName: string): string | undefined {
  const pods = toLeave(listResources(txn, 'Pod').filter(({ spec }) => spec.nodeName === nodeName)).length;
  const here = listResources(txn, 'Unit').filter(({ status }) => status?.hosts?.some((host) => host.nodeName === nodeName));
  const units = unitsToLeave(here, nodeName).map(({ metadata }) => metadata.name);
  const parts = [counted(pods, 'pod'), counted(units.length, 'unit')].flat();
  const verb = pods + units.length === 1 ? 'leaves' : 'leave';
  const names = units.length === 0 ? '' : ` (${units.slice(0, NAMES_MAX).join(', ')}${units.length > NAMES_MAX ? ', …' : ''})`;
  return parts.length === 0 ? undefined : `${parts.join(' and ')}${names} still ${verb} node ${nodeName} first`;
}

/** Of units that a host waits for. */
const NAMES_MAX = 5;

const counted = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'}`]);

/** The node that the host is, unless another group has it reboot already. */
function ownNode(txn: TxnView, group: UpdateGroup, id: string): Node | undefined {
  const node = listResources(txn, 'Node').find((one) => isHost(one, id) && !one.metadata.deletionTimestamp);
  const mark = node && markOf(node);
  const taken =
    mark &&
    mark.group !== group.metadata.uid &&
    listResources(txn, 'UpdateGroup').some(({ metadata }) => metadata.uid === mark.group);
  return taken ? undefined : node;
}

function drop(txn: TxnView, group: UpdateGroup, holder: Holder, ctx: WriteContext): void {
  const { holders } = readHolders(txn, group.metadata.uid);
  write(
    txn,
    group,
    holders.filter(({ id }) => id !== holder.id),
    ctx,
  );
  const node = holder.node === undefined ? undefined : getResource(txn, 'Node', '', holder.node);
  const back = node && released(node, group.metadata.uid, ctx.now);
  if (back) updateResource(txn, back, ctx);
  const reason = holder.draining
    ? normal('RebootGivenUp', `${holder.id} does not reboot now`)
    : normal('RebootEnded', `${holder.id} has given its slot back`);
  tell(txn, group, reason, ctx);
}

function write(txn: TxnView, group: UpdateGroup, holders: readonly Holder[], ctx: WriteContext): void {
  writeHolders(txn, group.metadata.uid, holders);
  tellStatus(txn, group.metadata.name, ctx);
}

const refused = (reason: LockRefusal, message: string): LockAnswer => ({ type: 'refused', reason, message });
const iso = (ms: number): string => new Date(ms).toISOString();
const lost = ({ id, since }: Holder): string => `${id} holds a slot since ${iso(since)} and did not come back`;
