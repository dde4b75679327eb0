import type { Transaction } from '../keyspace/transaction.ts';
import { EtcdError } from './errors.ts';
import { keysIn } from './key-range.ts';
import type { DeleteRangeRequest } from './requests.ts';
import type { DeleteRangeResponse } from './responses.ts';

export function checkDeleteRange({ key }: DeleteRangeRequest): void {
  if (key === '') throw EtcdError.of('emptyKey');
}

/** However many keys it deletes, it is one revision; if none, it is no revision. */
export function deleteRange(txn: Transaction, request: DeleteRangeRequest, changed = false): DeleteRangeResponse {
  checkDeleteRange(request);
  const found = keysIn(txn, request);
  for (const { key } of found) txn.delete(key);
  const revision = txn.revision + (changed || found.length > 0 ? 1 : 0);
  return { revision, deleted: found.length, prevKvs: request.prevKv ? found : [] };
}
