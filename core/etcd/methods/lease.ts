import { admitLease } from '../auth/admission.ts';
import { grantedSeconds, leaseIdFor, listLeases, randomLeaseId } from '../leases.ts';
import { LEASE_BYTES, requireSpace } from '../space.ts';
import type { MethodContext, Methods } from './methods.ts';

type LeaseMethod = 'LeaseGrant' | 'LeaseRevoke' | 'LeaseKeepAlive' | 'LeaseTimeToLive' | 'LeaseLeases';

export function leaseMethods(context: MethodContext): Pick<Methods, LeaseMethod> {
  const { keyspace, lessor, permits, space, timing, write } = context;
  return {
    async LeaseGrant(request, caller) {
      const ttl = grantedSeconds(request.ttl);
      const id = request.id || leaseIdFor(caller.requestId) || randomLeaseId(() => timing.random());
      await space.admit(LEASE_BYTES);
      const { revision } = await write(caller, (txn) => {
        requireSpace(txn);
        txn.grant(id, ttl);
      });
      await lessor.granted(id, ttl);
      return { revision, id, ttl };
    },
    async LeaseRevoke({ id }, caller) {
      const { revision } = await write(caller, (txn, may) => {
        admitLease(may, txn, id);
        txn.revoke(id);
      });
      await lessor.revoked(id);
      return { revision };
    },
    async LeaseKeepAlive({ id }) {
      const ttl = await lessor.keepAlive(id);
      return { revision: keyspace.view().revision, id, ttl };
    },
    async LeaseTimeToLive({ id, keys }, caller) {
      const { revision } = await keyspace.sync();
      const lease = keyspace.lease(id);
      if (!lease) return { revision, id, ttl: -1, grantedTtl: 0, keys: [] };
      const attached = keys ? [...lease.keys].sort() : [];
      const may = permits(keyspace, caller);
      for (const key of attached) may.read({ key, rangeEnd: '' });
      const ttl = await lessor.remainingSeconds(lease);
      return { revision, id, ttl, grantedTtl: lease.ttlSeconds, keys: attached };
    },
    async LeaseLeases() {
      const { revision } = await keyspace.sync();
      return { revision, ids: listLeases(keyspace.leases()).map(({ id }) => id) };
    },
  };
}
