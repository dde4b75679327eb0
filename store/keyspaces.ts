import { randomBytes } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type OpenKeyspace, openKeyspace } from '../core/keyspace/open.ts';
import type { LogEntry } from '../core/keyspace/log.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { KeyspaceName, Keyspaces, Logs } from '../core/ports/keyspaces.ts';
import type { Logger } from '../core/ports/logger.ts';
import { CommitHub } from './commit-hub.ts';
import { type DynamoLogOptions, dynamoLog } from './dynamodb-log.ts';
import { fileLog } from './log-files/file-log.ts';
import type { LogFiles } from './log-files/log-files.ts';
import type { Item } from './log-items.ts';
import { systemTiming } from './system-timing.ts';
import { dynamoTable } from './table.ts';

export interface KeyspacesOptions {
  readonly client: DynamoDBClient;
  /** Name of the tenant table. */
  readonly table: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** No other process writes to these logs, so that nobody has to be given room. The embedded server is. Default false. */
  readonly soleWriter?: boolean;
  /** Of a sole writer: where the entries of its logs are. Default: in the table. */
  readonly files?: LogFiles | undefined;
  /** Other processes write to the same logs: how often watched replicas look for that, ms. Default: they don't. */
  readonly pollMs?: number;
  /** Replicas that nobody watches are forgotten when all together take more than this, bytes. Default 256 MB. */
  readonly memoryBytesMax?: number;
  /** Whenever the head of a registry's log is looked at: what is beside its entries (log-keys.ts). */
  readonly onBeside?: (tenant: string, cluster: string, items: readonly Item[]) => void;
  /** This process has appended an entry. */
  readonly onAppended?: (tenant: string, cluster: string, name: KeyspaceName, entry: LogEntry) => void;
}

export interface OpenKeyspaces extends Keyspaces, Logs {
  open(tenant: string, cluster: string, name: KeyspaceName): Promise<OpenKeyspace>;
  /** Why logs can't be written, by the last attempts; undefined: they can, as far as is known. */
  problem(): string | undefined;
  /** Deletes what of a cluster's logs isn't in the table. */
  forget(tenant: string, cluster: string): Promise<void>;
  /** Resolves when nothing goes on in the background: for who is about to be frozen (Lambda). */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** The registry keeps what watchers and rollbacks can need; a user's etcd data is compacted by the user. */
const KEEP_REVISIONS: Record<KeyspaceName, number | undefined> = { registry: 10_000, kv: undefined };

/** Entries in files are read fast: a start reads up to so many bytes of them rather than that snapshots are written more often. */
const SNAPSHOT_AFTER_FILES_BYTES = 16_000_000;

/** Hosts follow the key-value store's log closely. */
const RECENT_BYTES = 1_000_000;

/** The process' replicas, each opened once, on first use. */
export function openKeyspaces(options: KeyspacesOptions): OpenKeyspaces {
  const { clock, log, files, pollMs, onBeside, memoryBytesMax = 256_000_000 } = options;
  const table = dynamoTable(options.client, options.table);
  const timing = systemTiming(clock);
  const hub = new CommitHub();
  /** The least recently used first. */
  const replicas = new Map<string, { readonly opening: Promise<OpenKeyspace>; keyspace?: OpenKeyspace }>();

  const logOf = (tenant: string, cluster: string, name: KeyspaceName) => {
    const logOptions: DynamoLogOptions = {
      table,
      tenant,
      keyspace: `${cluster}/${name}`,
      clock,
      hub,
      quickly: options.soleWriter,
      beside: name === 'registry' && onBeside ? (items) => onBeside(tenant, cluster, items) : undefined,
      onAppended: (entry) => options.onAppended?.(tenant, cluster, name, entry),
    };
    return files ? fileLog({ ...logOptions, files: files.of(tenant, cluster, name) }) : dynamoLog(logOptions);
  };

  const open = (tenant: string, cluster: string, name: KeyspaceName): Promise<OpenKeyspace> =>
    openKeyspace(logOf(tenant, cluster, name), {
      writerId: randomBytes(9).toString('base64url'),
      timing,
      keepRevisions: KEEP_REVISIONS[name],
      pollMs,
      ...(files ? { snapshotAfterBytes: SNAPSHOT_AFTER_FILES_BYTES } : {}),
      ...(name === 'kv' ? { recentBytes: RECENT_BYTES } : {}),
      takeTurns: !options.soleWriter,
      onError: (error) => log.error('keyspace upkeep failed', { tenant, keyspace: `${cluster}/${name}`, error: String(error) }),
    });

  const opened = () => Array.from(replicas.values()).flatMap(({ keyspace }) => (keyspace && !keyspace.failure ? keyspace : []));

  /** Forgotten replicas live on for whoever still holds them. */
  const forgetSome = () => {
    let bytes = opened().reduce((sum, keyspace) => sum + keyspace.bytes, 0);
    for (const [id, { keyspace }] of [...replicas].slice(0, -1)) {
      if (bytes <= memoryBytesMax) return;
      // Where leases are somebody keeps their time.
      if (!keyspace || keyspace.failure || keyspace.watchers > 0 || keyspace.leases().length > 0) continue;
      bytes -= keyspace.bytes;
      replicas.delete(id);
    }
  };

  return {
    log: logOf,
    async open(tenant, cluster, name) {
      const id = `${tenant}#${cluster}/${name}`;
      let replica = replicas.get(id);
      if (replica?.keyspace?.failure) {
        log.warn('a keyspace failed and is opened again', { tenant, cluster, name, error: String(replica.keyspace.failure) });
        replica = undefined;
      }
      replica ??= { opening: open(tenant, cluster, name) };
      // To the end: the most recently used.
      replicas.delete(id);
      replicas.set(id, replica);
      if (replica.keyspace) return replica.keyspace;
      try {
        replica.keyspace = await replica.opening;
      } catch (error) {
        if (replicas.get(id) === replica) replicas.delete(id);
        throw error;
      }
      forgetSome();
      return replica.keyspace;
    },
    problem: () => files?.problem(clock.now()),
    async forget(tenant, cluster) {
      await files?.forget(tenant, cluster);
    },
    async settled() {
      await Promise.all(opened().map((keyspace) => keyspace.settled()));
    },
    async close() {
      const all = await Promise.allSettled(Array.from(replicas.values(), ({ opening }) => opening));
      replicas.clear();
      await Promise.all(
        all.map(async (result) => {
          if (result.status === 'fulfilled') await result.value.close();
        }),
      );
      await files?.close();
    },
  };
}
