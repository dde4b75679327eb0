import type { TxnView } from '../keyspace/types.ts';
import { parseDuration } from '../resources/go-duration.ts';
import { listResources } from '../resources/write.ts';
import { forgetGroup, forgetInstance, keptGroups, readLedger, someInstances } from './book.ts';
import { isUnderWay } from './instance.ts';
import { grantOf } from './ledger.ts';
import type { Ledger } from './model.ts';
import { place } from './rollout.ts';

/** More than a grant can add, so that what is kept stays in proportion to who is there. */
const LOOKED_AT = 20;

/**
 * Forgets what a few instances did when that is longer ago than their group remembers (`instanceTtl`), and the books of groups that were deleted. Called
 * with each grant, which is when the books grow: so no clock has to look through all of them.
 */
export function forgetStale(txn: TxnView, application: string, now: number): void {
  const groups = new Map(listResources(txn, 'UpdateGroup').map(({ metadata, spec }) => [metadata.uid, spec]));
  for (const uid of keptGroups(txn)) if (!groups.has(uid)) forgetGroup(txn, uid);
  const ledgers = new Map<string, Ledger>();
  const ledgerOf = (uid: string): Ledger => {
    const ledger = ledgers.get(uid) ?? readLedger(txn, uid);
    ledgers.set(uid, ledger);
    return ledger;
  };
  // Somewhere else each time: ids are mostly hexadecimal digits.
  const from = place('', String(now)).toString(16).slice(2, 6);
  for (const { instance, group, record } of Array.from(someInstances(txn, application, from, LOOKED_AT))) {
    const ttl = parseDuration(groups.get(group)?.instanceTtl ?? '0s') ?? 0;
    // One that went away in the middle of its update is given up on (ledger.ts), and then nothing is under way either.
    const stale = now - record.since > ttl && !(isUnderWay(record) && grantOf(ledgerOf(group), instance));
    if (stale || !groups.has(group)) forgetInstance(txn, application, instance);
  }
}
