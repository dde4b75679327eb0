import type { Key, Revision } from '../keyspace/types.ts';

/**
 * What etcd v3 clients ask (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/), free of any encoding. An empty `rangeEnd` means
 * the one key; zero, '' and false mean "not given", as in protobuf.
 */

export interface KeyRange {
  readonly key: Key;
  readonly rangeEnd: Key;
}

export const SORT_ORDERS = ['NONE', 'ASCEND', 'DESCEND'] as const;
export const SORT_TARGETS = ['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'] as const;

export interface RangeRequest extends KeyRange {
  /** 0 or less: all. */
  readonly limit: number;
  /** 0 or less: the newest. */
  readonly revision: Revision;
  /** Undefined: a number that etcd doesn't know. */
  readonly sortOrder: (typeof SORT_ORDERS)[number] | undefined;
  readonly sortTarget: (typeof SORT_TARGETS)[number] | undefined;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: Revision;
  readonly maxModRevision: Revision;
  readonly minCreateRevision: Revision;
  readonly maxCreateRevision: Revision;
}

export interface PutRequest {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRangeRequest extends KeyRange {
  readonly prevKv: boolean;
}

export const COMPARE_RESULTS = ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'] as const;
export const COMPARE_TARGETS = ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'] as const;

/** What is compared with is the field of the target; the others don't matter. */
export interface Compare extends KeyRange {
  /** Undefined: a number that etcd doesn't know. It then holds, as with etcd. */
  readonly result: (typeof COMPARE_RESULTS)[number] | undefined;
  readonly target: (typeof COMPARE_TARGETS)[number] | undefined;
  readonly version: number;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

export type Operation =
  | { readonly type: 'range'; readonly request: RangeRequest }
  | { readonly type: 'put'; readonly request: PutRequest }
  | { readonly type: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly type: 'txn'; readonly request: TxnRequest };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  /** Undefined: the client sent an operation that is none. */
  readonly success: readonly (Operation | undefined)[];
  readonly failure: readonly (Operation | undefined)[];
}
