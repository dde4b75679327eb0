import { compact } from '../../../core/etcd/compact.ts';
import { deleteRange } from '../../../core/etcd/delete-range.ts';
import { CODE, EtcdError, etcdErrorOf } from '../../../core/etcd/errors.ts';
import { grantedSeconds } from '../../../core/etcd/leases.ts';
import { put } from '../../../core/etcd/put.ts';
import { range } from '../../../core/etcd/range.ts';
import { type Reader, readerOf } from '../../../core/etcd/reader.ts';
import { isReadOnly, isSerializable, readTransaction, transact } from '../../../core/etcd/txn.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import type { AnyRequest } from '../histories/workload.ts';

/**
 * Answers a request from a keyspace, as the control plane does; refusals are etcd's. `fresh: false`: as it must not, without making sure
 * of the newest state.
 */
export async function answer(keyspace: OpenKeyspace, request: AnyRequest, fresh = true): Promise<object> {
  try {
    return await carryOut(keyspace, request, fresh);
  } catch (error) {
    throw etcdErrorOf(error) ?? error;
  }
}

async function carryOut(keyspace: OpenKeyspace, { method, request }: AnyRequest, fresh: boolean): Promise<object> {
  const reader = async (serializable: boolean): Promise<Reader> =>
    readerOf(keyspace, serializable || !fresh ? keyspace.view() : await keyspace.sync());
  switch (method) {
    case 'Range':
      return range(await reader(request.serializable), request);
    case 'Put': {
      const { revision, result } = await keyspace.transact((txn) => put(txn, request));
      return { ...result, revision };
    }
    case 'DeleteRange': {
      const { revision, result } = await keyspace.transact((txn) => deleteRange(txn, request));
      return { ...result, revision };
    }
    case 'Txn': {
      if (isReadOnly(request)) return readTransaction(await reader(isSerializable(request)), request);
      const { revision, result } = await keyspace.transact((txn) => transact(txn, request));
      return { ...result, revision };
    }
    case 'Compact':
      return keyspace.transact((txn) => compact(txn, request.revision));
    case 'LeaseGrant': {
      const ttl = grantedSeconds(request.ttl);
      const { revision } = await keyspace.transact((txn) => txn.grant(request.id, ttl));
      return { revision, id: request.id, ttl };
    }
    case 'LeaseRevoke':
      return keyspace.transact((txn) => txn.revoke(request.id));
  }
}

/** Whether an error means that nothing was written: etcd's refusals, but for those that say that it is too busy to know. */
export function isRefusal(error: unknown): boolean {
  return error instanceof EtcdError && error.code !== CODE.unavailable;
}
