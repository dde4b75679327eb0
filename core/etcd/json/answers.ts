import type { ChangeEvent, Key, KeyValue, Revision } from '../../keyspace/types.ts';
import type { Identity } from '../identity.ts';
import type { DeleteRangeResponse, OperationResponse, PutResponse, RangeResponse, TxnResponse } from '../responses.ts';

/** Writes messages as etcd 3.4's gateway does: snake_case, int64 as strings, bytes in base64, zeros left out. */

type Scalar = string | number | boolean | undefined;
export type Json = Scalar | JsonObject | readonly Json[];
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Terms of leadership are raft's; there is one, as there is one log. */
export const RAFT_TERM = 1;

export function headerJson({ clusterId, memberId }: Identity, revision: Revision): JsonObject {
  return { cluster_id: number(clusterId), member_id: number(memberId), revision: number(revision), raft_term: number(RAFT_TERM) };
}

export const rangeJson = ({ kvs, more, count }: Omit<RangeResponse, 'revision'>) => ({
  kvs: some(kvs.map(keyValueJson)),
  more: flag(more),
  count: number(count),
});

export const putJson = ({ prevKv }: Omit<PutResponse, 'revision'>) => ({ prev_kv: prevKv && keyValueJson(prevKv) });

export const deleteRangeJson = ({ deleted, prevKvs }: Omit<DeleteRangeResponse, 'revision'>) => ({
  deleted: number(deleted),
  prev_kvs: some(prevKvs.map(keyValueJson)),
});

export const txnJson = ({ succeeded, responses }: Omit<TxnResponse, 'revision'>): JsonObject => ({
  succeeded: flag(succeeded),
  responses: some(responses.map(operationJson)),
});

/** Headers inside of a transaction have nothing but a revision. */
function operationJson(operation: OperationResponse): JsonObject {
  const header = { revision: number(operation.response.revision) };
  switch (operation.type) {
    case 'range':
      return { response_range: { header, ...rangeJson(operation.response) } };
    case 'put':
      return { response_put: { header, ...putJson(operation.response) } };
    case 'deleteRange':
      return { response_delete_range: { header, ...deleteRangeJson(operation.response) } };
    case 'txn':
      return { response_txn: { header, ...txnJson(operation.response) } };
  }
}

export function keyValueJson({ key, createRevision, modRevision, version, value, lease }: KeyValue): JsonObject {
  return {
    key: keyJson(key),
    create_revision: number(createRevision),
    mod_revision: number(modRevision),
    version: number(version),
    value: value.length > 0 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') : undefined,
    lease: number(lease),
  };
}

export function eventJson({ type, kv, prev }: ChangeEvent, withPrevious: boolean): JsonObject {
  const shown = type === 'delete' ? { ...EMPTY, key: kv.key, modRevision: kv.modRevision } : kv;
  return {
    type: type === 'delete' ? 'DELETE' : undefined,
    kv: keyValueJson(shown),
    prev_kv: withPrevious && prev ? keyValueJson(prev) : undefined,
  };
}

const EMPTY: Omit<KeyValue, 'key' | 'modRevision'> = { value: new Uint8Array(0), createRevision: 0, version: 0, lease: 0n };

export function keyJson(key: Key): string {
  return Buffer.from(key, 'latin1').toString('base64');
}

export function number(value: number | bigint): string | undefined {
  return value === 0 || value === 0n ? undefined : String(value);
}

export function flag(value: boolean): true | undefined {
  return value || undefined;
}

export function some<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}
