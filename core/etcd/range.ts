import type { KeyValue, Revision } from '../keyspace/types.ts';
import { EtcdError } from './errors.ts';
import { countIn, keysIn } from './key-range.ts';
import type { Reader } from './reader.ts';
import type { RangeRequest } from './requests.ts';
import type { RangeResponse } from './responses.ts';

const NOTHING = new Uint8Array(0);

/** Throws what is wrong with the request whatever the state. */
export function checkRange({ key, sortOrder, sortTarget }: RangeRequest): void {
  if (key === '') throw EtcdError.of('emptyKey');
  if (sortOrder === undefined || sortTarget === undefined) throw EtcdError.of('invalidSort');
}

/** Throws CompactedError or FutureRevisionError, too. `current`: the revision to answer with, if it isn't the reader's. */
export function range(reader: Reader, request: RangeRequest, current: Revision = reader.revision): RangeResponse {
  checkRange(request);
  const view = request.revision > 0 ? reader.at(request.revision) : reader;
  const count = countIn(view, request);
  const answer = { revision: current, count };
  if (request.countOnly) return { ...answer, kvs: [], more: false };

  const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  // An order by something else than the key, without a direction, sorts only what the limit leaves: etcd's quirk.
  const wantsAll = request.sortOrder !== 'NONE' || isFiltered(request);
  const found = keysIn(view, request, wantsAll ? Number.POSITIVE_INFINITY : limit + 1);
  const kvs = sorted(isFiltered(request) ? found.filter((kv) => passes(kv, request)) : found, request);
  const more = kvs.length > limit;
  if (more) kvs.length = limit;
  return { ...answer, kvs: request.keysOnly ? kvs.map(withoutValue) : kvs, more };
}

function isFiltered(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return minModRevision !== 0 || maxModRevision !== 0 || minCreateRevision !== 0 || maxCreateRevision !== 0;
}

function passes({ modRevision, createRevision }: KeyValue, request: RangeRequest): boolean {
  return (
    modRevision >= (request.minModRevision || modRevision) &&
    modRevision <= (request.maxModRevision || modRevision) &&
    createRevision >= (request.minCreateRevision || createRevision) &&
    createRevision <= (request.maxCreateRevision || createRevision)
  );
}

type Order = (a: KeyValue, b: KeyValue) => number;

/** Those who are equal stay in the order of their keys. */
const ORDERS: Record<Exclude<RangeRequest['sortTarget'], undefined>, Order> = {
  KEY: (a, b) => (a.key < b.key ? -1 : 1),
  VERSION: (a, b) => a.version - b.version,
  CREATE: (a, b) => a.createRevision - b.createRevision,
  MOD: (a, b) => a.modRevision - b.modRevision,
  VALUE: (a, b) => Buffer.compare(a.value, b.value),
};

function sorted(kvs: KeyValue[], { sortOrder, sortTarget = 'KEY' }: RangeRequest): KeyValue[] {
  const order = ORDERS[sortTarget];
  if (sortOrder === 'DESCEND') return kvs.sort((a, b) => order(b, a));
  return sortTarget === 'KEY' ? kvs : kvs.sort(order);
}

function withoutValue({ key, createRevision, modRevision, version, lease }: KeyValue): KeyValue {
  return { key, value: NOTHING, createRevision, modRevision, version, lease };
}
