import type { Log } from '../keyspace/log.ts';
import type { Keyspace } from '../keyspace/types.ts';
import type { SnapshotPage } from '../node/kv.ts';

export type KeyspaceName = 'registry' | 'kv';

/** Opens (once a process) the replica of a cluster's keyspace. */
export interface Keyspaces {
  open(tenant: string, cluster: string, name: KeyspaceName): Promise<Keyspace>;
}

/** A log whose snapshot can also be read a part at a time. */
export interface PagedLog extends Log {
  /** `cursor`: the `next` of the page before; undefined = from the beginning. Undefined if there is no snapshot. */
  snapshotPage(cursor: string | undefined): Promise<SnapshotPage | undefined>;
}

/** The logs below the replicas: for who hands them on as they are. */
export interface Logs {
  log(tenant: string, cluster: string, name: KeyspaceName): PagedLog;
}
