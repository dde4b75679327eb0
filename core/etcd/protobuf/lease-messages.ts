import { bool, count, int64, keyList, list } from './fields.ts';
import { header } from './header.ts';
import { type Codec, message } from './message.ts';

/** etcdserverpb.Lease. */

export const leaseGrantRequest = message({ ttl: int64(1), id: int64(2) });
/** Of LeaseGrant and LeaseKeepAlive. */
export const leaseGrantedResponse = message({ revision: header, id: int64(2), ttl: count(3) });
/** Of LeaseRevoke and LeaseKeepAlive. */
export const leaseRequest = message({ id: int64(1) });
export const leaseTimeToLiveRequest = message({ id: int64(1), keys: bool(2) });
export const leaseTimeToLiveResponse = message({
  revision: header,
  id: int64(2),
  ttl: count(3),
  grantedTtl: count(4),
  keys: keyList(5),
});

const leaseStatus = message({ id: int64(1) });
const leaseId: Codec<bigint> = {
  read: (reader) => leaseStatus.read(reader).id,
  write: (writer, id) => leaseStatus.write(writer, { id }),
};
export const leaseLeasesResponse = message({ revision: header, ids: list(2, leaseId) });
