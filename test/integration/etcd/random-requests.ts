import fc from 'fast-check';
import { b64 } from '../../../functions/api/etcd/testing/harness.ts';

/** A request, given the revision that the store had when the sequence began. */
export type MakeRequest = (revision: number) => readonly [path: string, body: object];

type Make = (revision: number) => object;

/** Few keys, so that requests meet; ends before, at and after them. */
const name = fc.constantFrom('a', 'aa', 'b', 'c', 'd');
const end = fc.constantFrom(undefined, undefined, 'aa', 'b', 'c', 'e', '\u0000');
/** In transactions etcd overlooks what an unbounded delete has in common with puts; we don't. */
const boundedEnd = fc.constantFrom(undefined, 'aa', 'b', 'c', 'e');
const flag = fc.boolean();

const range: fc.Arbitrary<Make> = fc
  .record({
    name,
    end,
    limit: fc.constantFrom(0, 0, 1, 2),
    sort_order: fc.constantFrom('NONE', 'ASCEND', 'DESCEND'),
    sort_target: fc.constantFrom('KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'),
    keys_only: flag,
    count_only: fc.constantFrom(false, false, true),
    at: fc.constantFrom(undefined, undefined, undefined, -3, 0, 2, 5),
    filter: fc.constantFrom(
      undefined,
      undefined,
      'min_mod_revision',
      'max_mod_revision',
      'min_create_revision',
      'max_create_revision',
    ),
    bound: fc.nat(8),
  })
  .map(({ name: key, end: until, at, filter, bound, ...rest }) => (revision) => ({
    key: b64(key),
    ...(until !== undefined && { range_end: b64(until) }),
    ...(at !== undefined && { revision: revision + at }),
    ...(filter && { [filter]: revision + bound }),
    ...rest,
  }));

const put: fc.Arbitrary<Make> = fc
  .record({
    name,
    value: fc.constantFrom('', '1', '2'),
    prev_kv: flag,
    ignore_value: fc.constantFrom(false, false, false, true),
    ignore_lease: fc.constantFrom(false, false, false, true),
  })
  .map(({ name: key, value, ...rest }) => () => ({ key: b64(key), value: b64(value), ...rest }));

const deleteRange = (ends: fc.Arbitrary<string | undefined>): fc.Arbitrary<Make> =>
  fc.record({ name, ends, prev_kv: flag }).map(({ name: key, ends: until, prev_kv }) => () => ({
    key: b64(key),
    ...(until !== undefined && { range_end: b64(until) }),
    prev_kv,
  }));

const compare: fc.Arbitrary<Make> = fc
  .record({
    name,
    end: fc.constantFrom(undefined, undefined, undefined, 'b', 'e', '\u0000'),
    result: fc.constantFrom('EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'),
    target: fc.constantFrom('version', 'create_revision', 'mod_revision', 'value'),
    bound: fc.nat(4),
    value: fc.constantFrom('', '1', '2'),
  })
  .map(({ name: key, end: until, result, target, bound, value }) => (revision) => ({
    key: b64(key),
    ...(until !== undefined && { range_end: b64(until) }),
    result,
    target: target.split('_')[0]!.toUpperCase(),
    [target]: target === 'value' ? b64(value) : target === 'version' ? bound : revision + bound,
  }));

const operation = (field: string, make: fc.Arbitrary<Make>): fc.Arbitrary<Make> =>
  make.map((body) => (revision) => ({ [field]: body(revision) }));

const all = (makes: readonly Make[], revision: number) => makes.map((make) => make(revision));

const branches = (operations: fc.Arbitrary<Make>): fc.Arbitrary<Make> =>
  fc
    .record({
      compare: fc.array(compare, { maxLength: 2 }),
      success: fc.array(operations, { maxLength: 3 }),
      failure: fc.array(operations, { maxLength: 3 }),
    })
    .map((txn) => (revision) => ({
      compare: all(txn.compare, revision),
      success: all(txn.success, revision),
      failure: all(txn.failure, revision),
    }));

/** Without deletes: of those etcd overlooks some that meet a put. */
const nested = branches(fc.oneof(operation('request_range', range), operation('request_put', put)));

const txn = branches(
  fc.oneof(
    operation('request_range', range),
    operation('request_put', put),
    operation('request_delete_range', deleteRange(boundedEnd)),
    operation('request_txn', nested),
  ),
);

const request = (path: string, make: fc.Arbitrary<Make>): fc.Arbitrary<MakeRequest> =>
  make.map((body) => (revision) => [path, body(revision)] as const);

export const randomRequests: fc.Arbitrary<MakeRequest> = fc.oneof(
  { weight: 4, arbitrary: request('/v3/kv/put', put) },
  { weight: 4, arbitrary: request('/v3/kv/range', range) },
  { weight: 1, arbitrary: request('/v3/kv/deleterange', deleteRange(end)) },
  { weight: 6, arbitrary: request('/v3/kv/txn', txn) },
  {
    weight: 1,
    arbitrary: request(
      '/v3/kv/compaction',
      fc.nat(6).map((offset) => (revision) => ({ revision: revision + offset })),
    ),
  },
);
