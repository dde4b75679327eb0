import { dynamoLeaseDeadlines } from '../../store/lease-deadlines.ts';
import { systemTiming } from '../../store/system-timing.ts';
import { type EtcdServices, etcdServices } from '../etcd/services.ts';
import type { HostedStore } from './store.ts';

/** The function's etcd services. Leases are kept by all functions together. */
export function hostedEtcd({ keyspaces, client, tables, clock, log }: HostedStore): EtcdServices {
  return etcdServices({
    keyspaces,
    deadlines: dynamoLeaseDeadlines(client, tables.tenant),
    timing: systemTiming(clock),
    soleKeeper: false,
    onError: (error, tenant, cluster) => log.error('keeping leases failed', { tenant, cluster, error: String(error) }),
  });
}
