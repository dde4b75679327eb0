import { ALARMS_PROPERTY, requireSound } from '../alarms.ts';
import { admitPut, admitTxn } from '../auth/admission.ts';
import { checkTxn } from '../check-txn.ts';
import { compact } from '../compact.ts';
import { checkDeleteRange, deleteRange } from '../delete-range.ts';
import { checkPut, put } from '../put.ts';
import { checkRange, range } from '../range.ts';
import { type Reader, readerOf } from '../reader.ts';
import { putCost, requireSpace, txnCost } from '../space.ts';
import { isReadOnly, isSerializable, readTransaction, transact } from '../txn.ts';
import type { MethodContext, Methods } from './methods.ts';

export function kvMethods({
  keyspace,
  permits,
  space,
  write,
}: MethodContext): Pick<Methods, 'Range' | 'Put' | 'DeleteRange' | 'Txn' | 'Compact'> {
  /** Serializable reads take the memory as it is; others first make sure that nothing newer was acknowledged. */
  const reader = async (serializable: boolean): Promise<Reader> => {
    const view = serializable ? keyspace.view() : await keyspace.sync();
    requireSound(keyspace.property(ALARMS_PROPERTY));
    return readerOf(keyspace, view);
  };

  return {
    async Range(request, caller) {
      checkRange(request);
      const view = await reader(request.serializable);
      permits(keyspace, caller).read(request);
      return range(view, request);
    },
    async Put(request, caller) {
      checkPut(request);
      const admission = space.admit(putCost(request));
      if (admission) await admission;
      const { revision, result } = await write(caller, (txn, may) => {
        admitPut(may, txn, request);
        requireSpace(txn);
        return put(txn, request);
      });
      return { ...result, revision };
    },
    async DeleteRange(request, caller) {
      checkDeleteRange(request);
      const { revision, result } = await write(caller, (txn, may) => {
        may.write(request);
        if (request.prevKv) may.read(request);
        return deleteRange(txn, request);
      });
      return { ...result, revision };
    },
    async Txn(request, caller) {
      checkTxn(request);
      if (isReadOnly(request)) {
        const view = await reader(isSerializable(request));
        admitTxn(permits(keyspace, caller), keyspace, request);
        return readTransaction(view, request);
      }
      const cost = txnCost(request);
      await space.admit(cost);
      const { revision, result } = await write(caller, (txn, may) => {
        admitTxn(may, txn, request);
        if (cost > 0) requireSpace(txn);
        return transact(txn, request);
      });
      return { ...result, revision };
    },
    async Compact(request, caller) {
      const { revision } = await write(caller, (txn, may) => {
        may.known();
        return compact(txn, request.revision);
      });
      return { revision };
    },
  };
}
