import { compact } from '../compact.ts';
import { deleteRange } from '../delete-range.ts';
import { put } from '../put.ts';
import { checkRange, range } from '../range.ts';
import { type Reader, readerOf } from '../reader.ts';
import { isReadOnly, isSerializable, readTransaction, transact } from '../txn.ts';
import type { MethodContext, Methods } from './methods.ts';

export function kvMethods({ keyspace }: MethodContext): Pick<Methods, 'Range' | 'Put' | 'DeleteRange' | 'Txn' | 'Compact'> {
  /** Serializable reads take the memory as it is; others first make sure that nothing newer was acknowledged. */
  const reader = async (serializable: boolean): Promise<Reader> =>
    readerOf(keyspace, serializable ? keyspace.view() : await keyspace.sync());

  return {
    async Range(request) {
      checkRange(request);
      return range(await reader(request.serializable), request);
    },
    async Put(request) {
      const { revision, result } = await keyspace.transact((txn) => put(txn, request));
      return { ...result, revision };
    },
    async DeleteRange(request) {
      const { revision, result } = await keyspace.transact((txn) => deleteRange(txn, request));
      return { ...result, revision };
    },
    async Txn(request) {
      if (isReadOnly(request)) return readTransaction(await reader(isSerializable(request)), request);
      const { revision, result } = await keyspace.transact((txn) => transact(txn, request));
      return { ...result, revision };
    },
    async Compact(request) {
      const { revision } = await keyspace.transact((txn) => compact(txn, request.revision));
      return { revision };
    },
  };
}
