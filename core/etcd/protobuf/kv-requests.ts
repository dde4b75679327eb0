import {
  COMPARE_RESULTS,
  COMPARE_TARGETS,
  type Compare,
  type DeleteRangeRequest,
  type Operation,
  type PutRequest,
  type RangeRequest,
  SORT_ORDERS,
  SORT_TARGETS,
  type TxnRequest,
} from '../requests.ts';
import { bool, bytes, count, int64, key, list, openEnum, writeMessage } from './fields.ts';
import { type Codec, expectWire, message } from './message.ts';
import { WIRE, type WireReader } from './wire-reader.ts';

/** What etcdserverpb.KV is asked. The numbers are those of rpc.proto, up to etcd 3.6. */

export const rangeRequest: Codec<RangeRequest> = message({
  key: key(1),
  rangeEnd: key(2),
  limit: count(3),
  revision: count(4),
  sortOrder: openEnum(5, SORT_ORDERS),
  sortTarget: openEnum(6, SORT_TARGETS),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: count(10),
  maxModRevision: count(11),
  minCreateRevision: count(12),
  maxCreateRevision: count(13),
});

export const putRequest: Codec<PutRequest> = message({
  key: key(1),
  value: bytes(2),
  lease: int64(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
});

export const deleteRangeRequest: Codec<DeleteRangeRequest> = message({ key: key(1), rangeEnd: key(2), prevKv: bool(3) });

const compareFields = message({
  result: openEnum(1, COMPARE_RESULTS),
  target: openEnum(2, COMPARE_TARGETS),
  key: key(3),
  version: count(4),
  createRevision: count(5),
  modRevision: count(6),
  value: bytes(7),
  lease: int64(8),
  rangeEnd: key(64),
});

const compare: Codec<Compare> = compareFields;

const OPERATION = { range: 1, put: 2, deleteRange: 3, txn: 4 } as const;

const operation: Codec<Operation | undefined> = {
  read(reader) {
    let found: Operation | undefined;
    while (reader.more) {
      const tag = reader.tag();
      found = readOperation(reader, tag) ?? found;
    }
    return found;
  },
  write(writer, value) {
    switch (value?.type) {
      case 'range':
        return writeMessage(writer, OPERATION.range, rangeRequest, value.request);
      case 'put':
        return writeMessage(writer, OPERATION.put, putRequest, value.request);
      case 'deleteRange':
        return writeMessage(writer, OPERATION.deleteRange, deleteRangeRequest, value.request);
      case 'txn':
        return writeMessage(writer, OPERATION.txn, txnRequest, value.request);
      case undefined:
    }
  },
};

function readOperation(reader: WireReader, tag: number): Operation | undefined {
  const field = tag >>> 3;
  if (field < OPERATION.range || field > OPERATION.txn) {
    reader.skip(tag);
    return undefined;
  }
  expectWire(tag, { wire: WIRE.bytes });
  switch (field) {
    case OPERATION.range:
      return { type: 'range', request: reader.message(rangeRequest.read) };
    case OPERATION.put:
      return { type: 'put', request: reader.message(putRequest.read) };
    case OPERATION.deleteRange:
      return { type: 'deleteRange', request: reader.message(deleteRangeRequest.read) };
    default:
      return { type: 'txn', request: reader.message(txnRequest.read) };
  }
}

export const txnRequest: Codec<TxnRequest> = message({
  compare: list(1, compare),
  success: list(2, operation),
  failure: list(3, operation),
});

export const compactionRequest = message({ revision: count(1), physical: bool(2) });
