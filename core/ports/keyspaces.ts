import type { Keyspace } from '../keyspace/types.ts';

export type KeyspaceName = 'registry' | 'kv';

/** Opens (once a process) the replica of a cluster's keyspace. */
export interface Keyspaces {
  open(tenant: string, cluster: string, name: KeyspaceName): Promise<Keyspace>;
}
