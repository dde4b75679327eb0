import type { TxnView } from '../keyspace/types.ts';
import { createResource } from './write/create.ts';
import type { WriteContext } from './write/context.ts';
import { getResource } from './write/read.ts';

/** Namespaces that every cluster has and that can't be deleted. */
export const SYSTEM_NAMESPACES: readonly string[] = ['default', 'kube-system', 'terrane-system'];

/** Makes what a cluster has from its first moment. Idempotent: run it whenever a cluster is created or repaired. */
export function bootstrapCluster(txn: TxnView, ctx: WriteContext): void {
  for (const name of SYSTEM_NAMESPACES) {
    if (!getResource(txn, 'Namespace', '', name)) createResource(txn, 'Namespace', { metadata: { name } }, ctx);
  }
}
