import { memoryKeyspace } from '../../keyspace/memory.ts';
import type { OpenKeyspace } from '../../keyspace/open.ts';
import type { KeyValue } from '../../keyspace/types.ts';
import { deleteOf, putOf as buildPut, rangeOf } from '../build-requests.ts';
import { put } from '../put.ts';
import { readerOf } from '../reader.ts';
import { range } from '../range.ts';
import type { Compare, Operation, PutRequest, RangeRequest, TxnRequest } from '../requests.ts';
import { transact } from '../txn.ts';

/** Builders for tests: requests with zeros where nothing is said. */

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

export { deleteOf, rangeOf };

export const putOf = (key: string, value = '', more: Partial<PutRequest> = {}): PutRequest => buildPut(key, bytes(value), more);

export const compareOf = (key: string, more: Partial<Omit<Compare, 'value'>> & { value?: string } = {}): Compare => ({
  key,
  rangeEnd: '',
  result: 'EQUAL',
  target: 'VERSION',
  version: 0,
  createRevision: 0,
  modRevision: 0,
  lease: 0n,
  ...more,
  value: bytes(more.value ?? ''),
});

export const txnOf = (
  success: readonly (Operation | undefined)[],
  failure: readonly (Operation | undefined)[] = [],
  compare: readonly Compare[] = [],
): TxnRequest => ({ compare, success, failure });

export const rangeOp = (key: string, more?: Partial<RangeRequest>): Operation => ({ type: 'range', request: rangeOf(key, more) });
export const putOp = (key: string, value?: string, more?: Partial<PutRequest>): Operation => ({
  type: 'put',
  request: putOf(key, value, more),
});
export const deleteOp = (key: string, rangeEnd?: string): Operation => ({
  type: 'deleteRange',
  request: deleteOf(key, rangeEnd),
});
export const txnOp = (request: TxnRequest): Operation => ({ type: 'txn', request });

/** A store of one's own, and what clients do to it. */
export function etcdStore() {
  const keyspace: OpenKeyspace = memoryKeyspace();
  return {
    keyspace,
    put: async (key: string, value?: string, more?: Partial<PutRequest>) =>
      (await keyspace.transact((txn) => put(txn, putOf(key, value, more)))).result,
    range: (key: string, more?: Partial<RangeRequest>) => range(readerOf(keyspace, keyspace.view()), rangeOf(key, more)),
    txn: async (request: TxnRequest) => (await keyspace.transact((txn) => transact(txn, request))).result,
  };
}

export const text = ({ key, value }: KeyValue) => `${key}=${Buffer.from(value).toString('latin1')}`;
