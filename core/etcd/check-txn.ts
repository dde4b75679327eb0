import type { Key } from '../keyspace/types.ts';
import { checkDeleteRange } from './delete-range.ts';
import { EtcdError } from './errors.ts';
import { type Interval, intervalOf, overlap } from './key-range.ts';
import { checkPut } from './put.ts';
import { checkRange } from './range.ts';
import type { Operation, TxnRequest } from './requests.ts';

/** etcd's default --max-txn-ops: of comparisons, and of operations in each branch. */
const TXN_OPERATIONS_MAX = 128;

/** Throws what is wrong with the request whatever the state: in either branch, at any depth. */
export function checkTxn(request: TxnRequest): void {
  checkShape(request, TXN_OPERATIONS_MAX);
  writesOf(request.success);
  writesOf(request.failure);
}

/** The deeper, the fewer operations are left: each level takes its own from the budget of those below it. */
function checkShape({ compare, success, failure }: TxnRequest, budget: number): void {
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > budget) throw EtcdError.of('tooManyOperations');
  for (const { key } of compare) if (key === '') throw EtcdError.of('emptyKey');
  for (const operation of [...success, ...failure]) checkOperation(operation, budget - count);
}

function checkOperation(operation: Operation | undefined, budget: number): void {
  // etcd's words for an operation that is none.
  if (!operation) throw EtcdError.of('keyNotFound');
  const { type, request } = operation;
  if (type === 'range') checkRange(request);
  else if (type === 'put') checkPut(request);
  else if (type === 'deleteRange') checkDeleteRange(request);
  else checkShape(request, budget);
}

interface Writes {
  readonly puts: Set<Key>;
  readonly deletes: Interval[];
}

/**
 * What a list of operations may write. Throws if a key could be put twice, or put and deleted; two deletes of one key are fine, and
 * so are the two branches of one transaction, of which only one runs.
 *
 * Stricter than etcd 3.4 in two places, where it lets the outcome depend on the order of operations: a nested delete *after* a nested
 * put, and a delete without an upper bound.
 */
function writesOf(operations: readonly (Operation | undefined)[]): Writes {
  const all: Writes = { puts: new Set(), deletes: [] };
  for (const operation of operations) {
    const one = operation ? writesOfOne(operation) : undefined;
    if (!one) continue;
    for (const key of one.puts) if (all.puts.has(key) || isDeleted(key, all.deletes)) throw EtcdError.of('duplicateKey');
    if (one.deletes.length > 0) {
      for (const key of all.puts) if (isDeleted(key, one.deletes)) throw EtcdError.of('duplicateKey');
    }
    for (const key of one.puts) all.puts.add(key);
    all.deletes.push(...one.deletes);
  }
  return all;
}

function writesOfOne({ type, request }: Operation): Writes | undefined {
  if (type === 'put') return { puts: new Set([request.key]), deletes: [] };
  if (type === 'deleteRange') return { puts: new Set(), deletes: [intervalOf(request)] };
  if (type === 'range') return undefined;
  const then = writesOf(request.success);
  const otherwise = writesOf(request.failure);
  return { puts: new Set([...then.puts, ...otherwise.puts]), deletes: [...then.deletes, ...otherwise.deletes] };
}

function isDeleted(key: Key, deletes: readonly Interval[]): boolean {
  const point = { from: key, to: `${key}\0` };
  return deletes.some((interval) => overlap(point, interval));
}
