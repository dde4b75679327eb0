import { COMPARE_RESULTS, COMPARE_TARGETS, type Operation, SORT_ORDERS, SORT_TARGETS, type TxnRequest } from '../requests.ts';
import { bool, bytes, count, enumeration, type Field, int64, key, lazy, list, message, named, optional } from './fields.ts';

export const rangeRequest = message({
  key,
  rangeEnd: key,
  limit: count,
  revision: count,
  sortOrder: enumeration('RangeRequest_SortOrder', SORT_ORDERS),
  sortTarget: enumeration('RangeRequest_SortTarget', SORT_TARGETS),
  serializable: bool,
  keysOnly: bool,
  countOnly: bool,
  minModRevision: count,
  maxModRevision: count,
  minCreateRevision: count,
  maxCreateRevision: count,
});

export const putRequest = message({ key, value: bytes, lease: int64, prevKv: bool, ignoreValue: bool, ignoreLease: bool });

export const deleteRangeRequest = message({ key, rangeEnd: key, prevKv: bool });

const compare = message({
  key,
  rangeEnd: key,
  result: enumeration('Compare_CompareResult', COMPARE_RESULTS),
  target: enumeration('Compare_CompareTarget', COMPARE_TARGETS),
  version: count,
  createRevision: count,
  modRevision: count,
  value: bytes,
  lease: int64,
});

const oneOperation = message({
  requestRange: optional(rangeRequest),
  requestPut: optional(putRequest),
  requestDeleteRange: optional(deleteRangeRequest),
  requestTxn: optional(lazy((): Field<TxnRequest> => txnRequest)),
});

const operation: Field<Operation | undefined> = {
  read(json) {
    const { requestRange, requestPut, requestDeleteRange, requestTxn } = oneOperation.read(json);
    if (requestRange) return { type: 'range', request: requestRange };
    if (requestPut) return { type: 'put', request: requestPut };
    if (requestDeleteRange) return { type: 'deleteRange', request: requestDeleteRange };
    return requestTxn && { type: 'txn', request: requestTxn };
  },
};

export const txnRequest: Field<TxnRequest> = message({
  compare: list(compare),
  success: list(operation),
  failure: list(operation),
});

/** `physical` makes no difference here. */
export const compactionRequest = message({ revision: count, physical: bool });

export const leaseGrantRequest = message({ ttl: named('TTL', int64), id: named('ID', int64) });
export const leaseRequest = message({ id: named('ID', int64) });
export const leaseTimeToLiveRequest = message({ id: named('ID', int64), keys: bool });

const watchCreateRequest = message({
  key,
  rangeEnd: key,
  startRevision: count,
  progressNotify: bool,
  filters: list(enumeration('WatchCreateRequest_FilterType', ['NOPUT', 'NODELETE'] as const)),
  prevKv: bool,
  watchId: count,
  fragment: bool,
});

export const watchRequest = message({
  createRequest: optional(watchCreateRequest),
  cancelRequest: optional(message({ watchId: count })),
  progressRequest: optional(message({})),
});
