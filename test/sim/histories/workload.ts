import { compareOf, deleteOf, deleteOp, putOf, putOp, rangeOf, rangeOp, txnOf } from '../../../core/etcd/testing/requests.ts';
import type { EtcdRequestOf } from '../../../core/etcd/service.ts';
import type { Key, Revision } from '../../../core/keyspace/types.ts';
import type { RecordedMethod } from './history.ts';
import type { Random } from './random.ts';

export type AnyRequest = { [M in RecordedMethod]: { readonly method: M; readonly request: EtcdRequestOf<M> } }[RecordedMethod];

/** Keys that are only ever touched one at a time, for checkRegisters. */
export const REGISTERS: readonly Key[] = ['r/0', 'r/1'];
/** Keys that are used in every way. */
export const KEYS: readonly Key[] = ['k/a', 'k/b', 'k/c', 'k/d', 'k/e', 'k/f'];
const ALL_KEYS = { key: 'k/', rangeEnd: 'k0' };

/** What the next request may refer to. */
export interface Known {
  /** About the newest revision. */
  readonly revision: Revision;
  readonly leases: readonly bigint[];
  /** Never used before. */
  readonly freshValue: string;
}

/** A request such as etcd's clients make; each put has a value of its own. */
export function randomRequest(random: Random, known: Known): AnyRequest {
  const kind = random.next();
  if (kind < 0.3) return registerRequest(random, known);
  if (kind < 0.5) return { method: 'Range', request: randomRange(random, known) };
  if (kind < 0.7) return { method: 'Put', request: randomPut(random, known) };
  if (kind < 0.78) return { method: 'DeleteRange', request: randomDelete(random) };
  return { method: 'Txn', request: randomTxn(random, known) };
}

function registerRequest(random: Random, { freshValue }: Known): AnyRequest {
  const key = random.pick(REGISTERS);
  const kind = random.next();
  if (kind < 0.4) return { method: 'Range', request: rangeOf(key) };
  if (kind < 0.65) return { method: 'Put', request: putOf(key, freshValue) };
  if (kind < 0.75) return { method: 'DeleteRange', request: deleteOf(key) };
  const compare = compareOf(key, { target: 'VERSION', version: random.below(4), result: 'EQUAL' });
  const then = random.chance(0.8) ? putOp(key, freshValue) : deleteOp(key);
  return { method: 'Txn', request: txnOf([then], [rangeOp(key)], [compare]) };
}

function randomRange(random: Random, { revision }: Known) {
  const all = random.chance(0.6);
  return rangeOf(all ? ALL_KEYS.key : random.pick(KEYS), {
    ...(all ? { rangeEnd: ALL_KEYS.rangeEnd } : {}),
    serializable: random.chance(0.4),
    limit: random.pick([0, 0, 0, 2]),
    countOnly: random.chance(0.1),
    keysOnly: random.chance(0.1),
    revision: random.chance(0.25) ? Math.max(1, revision - random.below(10)) : 0,
    ...(random.chance(0.2) ? { sortOrder: 'DESCEND', sortTarget: random.pick(['MOD', 'CREATE', 'KEY'] as const) } : {}),
    ...(random.chance(0.1) ? { minModRevision: Math.max(1, revision - random.below(10)) } : {}),
  });
}

function randomPut(random: Random, { freshValue, leases }: Known) {
  const ignoreValue = random.chance(0.1);
  return putOf(random.pick(KEYS), ignoreValue ? '' : freshValue, {
    prevKv: random.chance(0.3),
    ignoreValue,
    lease: leases.length > 0 && random.chance(0.3) ? random.pick(leases) : 0n,
  });
}

function randomDelete(random: Random) {
  if (random.chance(0.6)) return deleteOf(random.pick(KEYS), '', random.chance(0.5));
  return deleteOf('k/c', 'k/e', random.chance(0.5));
}

function randomTxn(random: Random, { revision, freshValue }: Known) {
  const [guard, first, second] = [random.pick(KEYS), random.pick(KEYS), random.pick(KEYS)];
  const compare = random.chance(0.5)
    ? compareOf(guard, {
        target: 'MOD',
        result: random.pick(['LESS', 'GREATER', 'EQUAL'] as const),
        modRevision: Math.max(0, revision - random.below(20)),
      })
    : compareOf(guard, { target: 'VERSION', result: random.pick(['EQUAL', 'GREATER'] as const), version: random.below(3) });
  const kind = random.next();
  if (kind < 0.15) {
    const serializable = random.chance(0.5);
    return txnOf([rangeOp(ALL_KEYS.key, { ...ALL_KEYS, serializable })], [rangeOp(first, { serializable })], [compare]);
  }
  if (kind < 0.3) return txnOf([deleteOp('k/a', 'k/d'), rangeOp(ALL_KEYS.key, ALL_KEYS)], [putOp(first, freshValue)], [compare]);
  const puts = first === second ? [putOp(first, freshValue)] : [putOp(first, freshValue), putOp(second, `${freshValue}+`)];
  return txnOf([...puts, rangeOp(ALL_KEYS.key, ALL_KEYS)], [rangeOp(first)], random.chance(0.3) ? [] : [compare]);
}
