import { grantedSeconds, listLeases, randomLeaseId } from '../leases.ts';
import type { MethodContext, Methods } from './methods.ts';

type LeaseMethod = 'LeaseGrant' | 'LeaseRevoke' | 'LeaseKeepAlive' | 'LeaseTimeToLive' | 'LeaseLeases';

export function leaseMethods({ keyspace, lessor, timing }: MethodContext): Pick<Methods, LeaseMethod> {
  return {
    async LeaseGrant(request) {
      const ttl = grantedSeconds(request.ttl);
      const id = request.id || randomLeaseId(() => timing.random());
      const { revision } = await keyspace.transact((txn) => txn.grant(id, ttl));
      await lessor.granted(id, ttl);
      return { revision, id, ttl };
    },
    async LeaseRevoke({ id }) {
      const { revision } = await keyspace.transact((txn) => txn.revoke(id));
      await lessor.revoked(id);
      return { revision };
    },
    async LeaseKeepAlive({ id }) {
      const ttl = await lessor.keepAlive(id);
      return { revision: keyspace.view().revision, id, ttl };
    },
    async LeaseTimeToLive({ id, keys }) {
      const { revision } = await keyspace.sync();
      const lease = keyspace.lease(id);
      if (!lease) return { revision, id, ttl: -1, grantedTtl: 0, keys: [] };
      const ttl = await lessor.remainingSeconds(lease);
      return { revision, id, ttl, grantedTtl: lease.ttlSeconds, keys: keys ? [...lease.keys].sort() : [] };
    },
    async LeaseLeases() {
      const { revision } = await keyspace.sync();
      return { revision, ids: listLeases(keyspace.leases()).map(({ id }) => id) };
    },
  };
}
