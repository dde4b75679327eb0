import type { Committed, Keyspace, TxnView } from '../../../core/keyspace/types.ts';

/** Carries the result out of a transaction that must not commit. */
class Rehearsal<T> extends Error {
  readonly result: T;
  constructor(result: T) {
    super('dry run');
    this.result = result;
  }
}

/** Runs a transaction; as a dry run, everything happens but the commit. */
export async function transact<T>(keyspace: Keyspace, dryRun: boolean, evaluate: (txn: TxnView) => T): Promise<Committed<T>> {
  if (!dryRun) return keyspace.transact(evaluate);
  try {
    await keyspace.transact((txn) => {
      throw new Rehearsal({ revision: txn.revision, result: evaluate(txn) });
    });
  } catch (error) {
    if (error instanceof Rehearsal) return (error as Rehearsal<Committed<T>>).result;
    throw error;
  }
  throw new Error('a dry run committed');
}
