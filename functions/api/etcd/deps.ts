import type { Context } from 'hono';
import type { Identity } from '../../../core/etcd/json/answers.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import type { ApiEnv } from '../../context.ts';

export interface EtcdDeps {
  readonly keyspaces: { open(tenant: string, cluster: string, name: 'kv'): Promise<OpenKeyspace> };
  /** 0 <= x < 1, for ids of leases. */
  random(): number;
  /** Called for errors that are the server's fault; the client gets a 500 without details. */
  onError?(error: unknown, requestId: string): void;
  /** Aborted when the server stops: open watches then end, and clients come back to another server. */
  readonly shutdown?: AbortSignal;
  /** After how long without events a watch with `progress_notify` is told how far it has come, ms. Default: etcd's 10 minutes. */
  readonly progressMs?: number;
}

/** One request to a cluster's key-value store. */
export interface EtcdRequest {
  readonly c: Context<ApiEnv>;
  readonly deps: EtcdDeps;
  readonly keyspace: OpenKeyspace;
  readonly identity: Identity;
}
