import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import type { Committed } from '../keyspace/types.ts';
import { ALARMS_PROPERTY, requireSound } from './alarms.ts';
import type { Permits } from './auth/permits.ts';
import { replay } from './replay.ts';
import type { EtcdCaller } from './service.ts';

/**
 * Commits what `evaluate` writes, once for the caller's `requestId`. It is run on the newest state, again and again until it wins, so it
 * decides there what the caller may do.
 */
export type Write = <T>(caller: EtcdCaller, evaluate: (txn: Transaction, permits: Permits) => T) => Promise<Committed<T>>;

export function writeTo(
  keyspace: OpenKeyspace,
  permits: (source: Pick<Transaction, 'property'>, caller: EtcdCaller) => Permits,
): Write {
  return (caller, evaluate) => {
    const run = (txn: Transaction) => {
      requireSound(txn.property(ALARMS_PROPERTY));
      return evaluate(txn, permits(txn, caller));
    };
    const { requestId, again } = caller;
    if (requestId === undefined) return keyspace.transact(run);
    return keyspace.transact(run, { requestId, fence: again, duplicate: (_, revision) => replay(keyspace, revision, evaluate) });
  };
}
