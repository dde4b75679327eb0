import { randomBytes } from 'node:crypto';
import { identityOf } from '../../core/etcd/identity.ts';
import { type KeyspaceService, keyspaceService } from '../../core/etcd/keyspace-service.ts';
import type { OpenKeyspace } from '../../core/keyspace/open.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import type { LeaseDeadlines } from '../../core/ports/lease-deadlines.ts';
import type { KvUsage } from '../../core/ports/kv-usage.ts';
import type { Schedule } from '../../core/ports/schedule.ts';

import { isStoreTrouble } from '../store-trouble.ts';

export interface EtcdServicesOptions {
  readonly keyspaces: { open(tenant: string, cluster: string, name: 'kv'): Promise<OpenKeyspace> };
  deadlines(tenant: string, cluster: string): LeaseDeadlines;
  /** What an organisation's stores may take together where its plan doesn't say, bytes. Default: 2 GB. */
  readonly quotaBytes?: number;
  usage(tenant: string): KvUsage;
  readonly timing: Timing;
  /** Default: timers that don't keep the process alive. */
  readonly schedule?: Schedule;
  /** This process is the only one that serves these clusters (the embedded server). */
  readonly soleKeeper: boolean;
  readonly progressMs?: number | undefined;
  /** Sees to it that the cluster's leases are looked at then (ms since the epoch) although nothing happens. Not needed by a sole keeper. */
  readonly wakeAt?: (tenant: string, cluster: string, at: number) => Promise<void>;
  /** Told of what fails in the background. */
  onError?(error: unknown, tenant: string, cluster: string): void;
}

/** The process' etcd services: one for each cluster's key-value store. */
export interface EtcdServices {
  open(tenant: string, cluster: string): Promise<KeyspaceService>;
  /** The cluster is no more: nothing is written to its store by itself. */
  forget(tenant: string, cluster: string): void;
}

export function etcdServices(options: EtcdServicesOptions): EtcdServices {
  const { keyspaces, timing, soleKeeper, progressMs, quotaBytes, schedule = systemSchedule } = options;
  /** A keyspace that failed or was forgotten is opened anew, and so is its service. */
  const services = new WeakMap<OpenKeyspace, KeyspaceService>();
  const newest = new Map<string, WeakRef<KeyspaceService>>();
  return {
    async open(tenant, cluster) {
      const keyspace = await keyspaces.open(tenant, cluster, 'kv');
      const existing = services.get(keyspace);
      if (existing) return existing;
      const service = keyspaceService({
        keyspace,
        deadlines: options.deadlines(tenant, cluster),
        timing,
        schedule,
        randomBytes,
        quotaBytes: quotaBytes === undefined ? undefined : () => quotaBytes,
        shared: {
          report: (bytes) => options.usage(tenant).report(cluster, bytes),
          others: () => options.usage(tenant).others(cluster),
          quota: () => options.usage(tenant).quota(),
        },
        isPassing: isStoreTrouble,
        soleKeeper,
        progressMs,
        member: { id: identityOf(cluster).memberId, name: 'terrane', peerUrls: [], clientUrls: [] },
        wakeAt: options.wakeAt && ((at) => options.wakeAt!(tenant, cluster, at)),
        onError: (error) => options.onError?.(error, tenant, cluster),
      });
      services.set(keyspace, service);
      newest.set(`${tenant}/${cluster}`, new WeakRef(service));
      return service;
    },
    forget(tenant, cluster) {
      const id = `${tenant}/${cluster}`;
      newest.get(id)?.deref()?.lessor.stop();
      newest.delete(id);
    },
  };
}

/** Longer timers overflow; waking once too often is harmless. */
const LONGEST_TIMER_MS = 86_400_000;

export const systemSchedule: Schedule = (delayMs, action) => {
  const timer = setTimeout(action, Math.min(delayMs, LONGEST_TIMER_MS));
  timer.unref();
  return () => clearTimeout(timer);
};
