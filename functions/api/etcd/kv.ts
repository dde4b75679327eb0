import { compact } from '../../../core/etcd/compact.ts';
import { deleteRange } from '../../../core/etcd/delete-range.ts';
import { deleteRangeJson, putJson, rangeJson, txnJson } from '../../../core/etcd/json/answers.ts';
import { compactionRequest, deleteRangeRequest, putRequest, rangeRequest, txnRequest } from '../../../core/etcd/json/requests.ts';
import { put } from '../../../core/etcd/put.ts';
import { checkRange, range } from '../../../core/etcd/range.ts';
import { type Reader, readerOf } from '../../../core/etcd/reader.ts';
import { isReadOnly, isSerializable, readTransaction, transact } from '../../../core/etcd/txn.ts';
import { answer, requireWriter } from './answer.ts';
import { readMessage } from './body.ts';
import type { EtcdRequest } from './deps.ts';

export async function serveRange(request: EtcdRequest): Promise<Response> {
  const message = await readMessage(request.c, rangeRequest);
  checkRange(message);
  const { revision, ...result } = range(await reader(request, message.serializable), message);
  return answer(request, revision, rangeJson(result));
}

export async function servePut(request: EtcdRequest): Promise<Response> {
  requireWriter(request);
  const message = await readMessage(request.c, putRequest);
  const { revision, result } = await request.keyspace.transact((txn) => put(txn, message));
  return answer(request, revision, putJson(result));
}

export async function serveDeleteRange(request: EtcdRequest): Promise<Response> {
  requireWriter(request);
  const message = await readMessage(request.c, deleteRangeRequest);
  const { revision, result } = await request.keyspace.transact((txn) => deleteRange(txn, message));
  return answer(request, revision, deleteRangeJson(result));
}

export async function serveTxn(request: EtcdRequest): Promise<Response> {
  const message = await readMessage(request.c, txnRequest);
  if (isReadOnly(message)) {
    const { revision, ...result } = readTransaction(await reader(request, isSerializable(message)), message);
    return answer(request, revision, txnJson(result));
  }
  requireWriter(request);
  const { revision, result } = await request.keyspace.transact((txn) => transact(txn, message));
  return answer(request, revision, txnJson(result));
}

export async function serveCompaction(request: EtcdRequest): Promise<Response> {
  requireWriter(request);
  const message = await readMessage(request.c, compactionRequest);
  const { revision } = await request.keyspace.transact((txn) => compact(txn, message.revision));
  return answer(request, revision);
}

/** Serializable reads take the memory as it is; others first make sure that nothing newer was acknowledged. */
async function reader({ keyspace }: EtcdRequest, serializable: boolean): Promise<Reader> {
  return readerOf(keyspace, serializable ? keyspace.view() : await keyspace.sync());
}
