import { memoryKeyspace } from '../../keyspace/memory.ts';
import type { Keyspace, TxnView } from '../../keyspace/types.ts';
import { bootstrapCluster } from '../namespaces.ts';
import { StatusError } from '../status.ts';
import type { WriteContext } from '../write.ts';

/** Builders for tests, so that each reads as a sentence. */

export const NOW = Date.UTC(2024, 0, 2, 3, 4, 5);

/** A clock that stands still and ids that count. */
export function fixedContext(now = NOW): WriteContext {
  let count = 0;
  return { now, newUid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}` };
}

/** A keyspace with the namespaces every cluster has. */
export async function newCluster(ctx: WriteContext = fixedContext()): Promise<Keyspace> {
  const keyspace = memoryKeyspace();
  await keyspace.transact((txn) => bootstrapCluster(txn, ctx));
  return keyspace;
}

/** Runs one transaction and returns its result. */
export async function inTxn<T>(keyspace: Keyspace, evaluate: (txn: TxnView) => T): Promise<T> {
  return (await keyspace.transact(evaluate)).result;
}

/** The StatusError that the transaction ends in. Fails if it commits. */
export async function refusal(keyspace: Keyspace, evaluate: (txn: TxnView) => unknown): Promise<StatusError> {
  try {
    await keyspace.transact(evaluate);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('expected a StatusError, but the transaction committed');
}

export const podSpec = (image = 'web:1') => ({ containers: [{ name: 'web', image }] });

export const pod = (name: string, spec: object = podSpec()) => ({ metadata: { name, namespace: 'default' }, spec });

export const deployment = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec() },
    ...spec,
  },
});
