import type { RangeRequest, TxnRequest } from '../../core/etcd/requests.ts';
import type { EtcdMethod, EtcdRequestOf } from '../../core/etcd/service.ts';
import { isReadOnly } from '../../core/etcd/txn.ts';

/**
 * A read that may be old as one that may not: the control plane has many processes, some of which know less than the one that answered
 * last.
 */
export function asOfNow<M extends EtcdMethod>(method: M, request: EtcdRequestOf<M>): EtcdRequestOf<M> {
  if (method === 'Range') return { ...(request as RangeRequest), serializable: false } as EtcdRequestOf<M>;
  if (method === 'Txn' && isReadOnly(request as TxnRequest)) return txnAsOfNow(request as TxnRequest) as EtcdRequestOf<M>;
  return request;
}

function txnAsOfNow(request: TxnRequest): TxnRequest {
  const each = (operation: TxnRequest['success'][number]): TxnRequest['success'][number] => {
    if (operation?.type === 'range') return { ...operation, request: { ...operation.request, serializable: false } };
    return operation?.type === 'txn' ? { ...operation, request: txnAsOfNow(operation.request) } : operation;
  };
  return { ...request, success: request.success.map(each), failure: request.failure.map(each) };
}
