import type { DeleteRangeResponse, OperationResponse, PutResponse, RangeResponse, TxnResponse } from '../responses.ts';
import { bool, count, list, optional, writeMessage } from './fields.ts';
import { header, innerHeader } from './header.ts';
import { keyValue } from './key-value.ts';
import { type Codec, expectWire, message } from './message.ts';
import { malformed } from './malformed.ts';
import { WIRE } from './wire-reader.ts';

/** What etcdserverpb.KV answers. Each comes in two forms: by itself, and inside of a transaction. */

const rangeFields = { kvs: list(2, keyValue), more: bool(3), count: count(4) };
const putFields = { prevKv: optional(2, keyValue) };
const deleteRangeFields = { deleted: count(2), prevKvs: list(3, keyValue) };

export const rangeResponse: Codec<RangeResponse> = message({ revision: header, ...rangeFields });
export const putResponse: Codec<PutResponse> = message({ revision: header, ...putFields });
export const deleteRangeResponse: Codec<DeleteRangeResponse> = message({ revision: header, ...deleteRangeFields });
/** All that a method without anything to tell answers. */
export const headerOnly = message({ revision: header });

const inner = {
  range: message({ revision: innerHeader, ...rangeFields }) satisfies Codec<RangeResponse>,
  put: message({ revision: innerHeader, ...putFields }) satisfies Codec<PutResponse>,
  deleteRange: message({ revision: innerHeader, ...deleteRangeFields }) satisfies Codec<DeleteRangeResponse>,
};

const OPERATION = { range: 1, put: 2, deleteRange: 3, txn: 4 } as const;

const operation: Codec<OperationResponse> = {
  read(reader) {
    let found: OperationResponse | undefined;
    while (reader.more) {
      const tag = reader.tag();
      const field = tag >>> 3;
      if (field >= OPERATION.range && field <= OPERATION.txn) expectWire(tag, { wire: WIRE.bytes });
      if (field === OPERATION.range) found = { type: 'range', response: reader.message(inner.range.read) };
      else if (field === OPERATION.put) found = { type: 'put', response: reader.message(inner.put.read) };
      else if (field === OPERATION.deleteRange) found = { type: 'deleteRange', response: reader.message(inner.deleteRange.read) };
      else if (field === OPERATION.txn) found = { type: 'txn', response: reader.message(innerTxn.read) };
      else reader.skip(tag);
    }
    if (!found) throw malformed('a transaction answers with an operation that is none');
    return found;
  },
  write(writer, value) {
    switch (value.type) {
      case 'range':
        return writeMessage(writer, OPERATION.range, inner.range, value.response);
      case 'put':
        return writeMessage(writer, OPERATION.put, inner.put, value.response);
      case 'deleteRange':
        return writeMessage(writer, OPERATION.deleteRange, inner.deleteRange, value.response);
      case 'txn':
        return writeMessage(writer, OPERATION.txn, innerTxn, value.response);
    }
  },
};

const txnFields = { succeeded: bool(2), responses: list(3, operation) };
const innerTxn: Codec<TxnResponse> = message({ revision: innerHeader, ...txnFields });
export const txnResponse: Codec<TxnResponse> = message({ revision: header, ...txnFields });
