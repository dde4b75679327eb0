import { dynamoKvUsage } from '../../store/kv-usage.ts';
import { dynamoLeaseDeadlines } from '../../store/lease-deadlines.ts';
import { systemTiming } from '../../store/system-timing.ts';
import { dynamoWakes } from '../../store/wakes.ts';
import { type EtcdServices, etcdServices } from '../etcd/services.ts';
import type { HostedStore } from './store.ts';

/** The function's etcd services. Leases are kept by all functions together. */
export function hostedEtcd({ keyspaces, client, tables, clock, log }: HostedStore): EtcdServices {
  const wakes = dynamoWakes(client, tables.identity);
  return etcdServices({
    keyspaces,
    deadlines: dynamoLeaseDeadlines(client, tables.tenant),
    usage: dynamoKvUsage(client, tables.tenant),
    timing: systemTiming(clock),
    soleKeeper: false,
    wakeAt: async (tenant, cluster, at) => void (await wakes.set(tenant, cluster, at)),
    onError: (error, tenant, cluster) => log.error('keeping leases failed', { tenant, cluster, error: String(error) }),
  });
}
