import type { Key } from '../../keyspace/types.ts';
import type { Lease } from '../../keyspace/leases.ts';
import { EtcdError } from '../errors.ts';
import type { KeyRange, Operation, PutRequest, TxnRequest } from '../requests.ts';
import type { Permits } from './permits.ts';

/** What methods of the key-value store need to be permitted, by etcd's rules. Each throws EtcdError. */

interface LeaseSource {
  lease(id: bigint): Lease | undefined;
}

const one = (key: Key) => ({ key, rangeEnd: '' });

export function admitPut(permits: Permits, leases: LeaseSource, { key, prevKv, lease }: PutRequest): void {
  permits.write(one(key));
  if (prevKv) permits.read(one(key));
  if (lease !== 0n) admitLease(permits, leases, lease);
}

/** Whoever ends a lease, or could, deletes its keys. */
export function admitLease(permits: Permits, leases: LeaseSource, id: bigint): void {
  for (const key of leases.lease(id)?.keys ?? []) permits.write(one(key));
}

/** Everything that it may come to, at any depth. (etcd 3.4 doesn't look into nested transactions.) */
export function admitTxn(permits: Permits, leases: LeaseSource, { compare, success, failure }: TxnRequest): void {
  for (const each of compare) permits.read(each);
  for (const operation of [...success, ...failure]) if (operation) admitOperation(permits, leases, operation);
}

function admitOperation(permits: Permits, leases: LeaseSource, { type, request }: Operation): void {
  switch (type) {
    case 'range':
      return permits.read(request);
    case 'put':
      return admitPut(permits, leases, request);
    case 'deleteRange':
      permits.write(request);
      if (request.prevKv) permits.read(request);
      return;
    case 'txn':
      return admitTxn(permits, leases, request);
  }
}

/** etcd doesn't say why: whoever watches is told "permission denied", in the words of Go's gRPC. */
export function admitWatch(permits: () => Permits, { key, rangeEnd }: KeyRange): void {
  try {
    permits().read({ key: key || '\0', rangeEnd });
  } catch (error) {
    throw error instanceof EtcdError ? EtcdError.of('permissionDenied') : error;
  }
}
