import type { KeyValue, Revision } from '../keyspace/types.ts';

/** Answers, free of any encoding. `revision` is the header's: that of the store when the operation was done, not of a key. */

export interface RangeResponse {
  readonly revision: Revision;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Keys in the range, whatever limit and filters leave of them. */
  readonly count: number;
}

export interface PutResponse {
  readonly revision: Revision;
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeResponse {
  readonly revision: Revision;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export interface TxnResponse {
  /** 0 in a nested one, as with etcd. */
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly responses: readonly OperationResponse[];
}

export type OperationResponse =
  | { readonly type: 'range'; readonly response: RangeResponse }
  | { readonly type: 'put'; readonly response: PutResponse }
  | { readonly type: 'deleteRange'; readonly response: DeleteRangeResponse }
  | { readonly type: 'txn'; readonly response: TxnResponse };
