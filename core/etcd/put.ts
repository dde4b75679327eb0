import type { Transaction } from '../keyspace/transaction.ts';
import { EtcdError } from './errors.ts';
import type { PutRequest } from './requests.ts';
import type { PutResponse } from './responses.ts';

/** Throws what is wrong with the request whatever the state. */
export function checkPut({ key, value, lease, ignoreValue, ignoreLease }: PutRequest): void {
  if (key === '') throw EtcdError.of('emptyKey');
  if (ignoreValue && value.length > 0) throw EtcdError.of('valueProvided');
  if (ignoreLease && lease !== 0n) throw EtcdError.of('leaseProvided');
}

/** Throws what the state has against it. */
export function checkPutOn(txn: Pick<Transaction, 'get' | 'lease'>, { key, lease, ignoreValue, ignoreLease }: PutRequest): void {
  if ((ignoreValue || ignoreLease) && !txn.get(key)) throw EtcdError.of('keyNotFound');
  if (lease !== 0n && !txn.lease(lease)) throw EtcdError.of('leaseNotFound');
}

/** A put without a lease detaches the key from the one it had. */
export function put(txn: Transaction, request: PutRequest): PutResponse {
  checkPut(request);
  // The lease is looked at first: with both wrong, etcd speaks of the lease here, but of the key in a transaction.
  if (request.lease !== 0n && !txn.lease(request.lease)) throw EtcdError.of('leaseNotFound');
  checkPutOn(txn, request);
  return applyPut(txn, request);
}

export function applyPut(txn: Transaction, { key, value, lease, prevKv, ignoreValue, ignoreLease }: PutRequest): PutResponse {
  const before = txn.get(key);
  txn.put(key, ignoreValue ? before!.value : value, ignoreLease ? before!.lease : lease);
  return { revision: txn.revision + 1, prevKv: prevKv ? before : undefined };
}
