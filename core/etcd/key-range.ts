import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import type { Key, KeyValue } from '../keyspace/types.ts';
import type { View } from '../keyspace/view.ts';
import type { KeyRange } from './requests.ts';

/** `from <= key < to`; empty if to <= from. */
export interface Interval {
  readonly from: Key;
  readonly to: Key;
}

/** A range end of one zero byte: all keys from `key` on. */
const FROM_KEY: Key = '\0';

/** etcd's rule: no end is the one key, `\0` is no upper bound. */
export function intervalOf({ key, rangeEnd }: KeyRange): Interval {
  if (rangeEnd === '') return { from: key, to: `${key}\0` };
  return { from: key, to: rangeEnd === FROM_KEY ? AFTER_ALL_KEYS : rangeEnd };
}

export function overlap(a: Interval, b: Interval): boolean {
  return a.from < b.to && b.from < a.to && a.from < a.to && b.from < b.to;
}

export function countIn(view: View, range: KeyRange): number {
  if (range.rangeEnd === '') return view.get(range.key) ? 1 : 0;
  const { from, to } = intervalOf(range);
  return from < to ? view.count(from, to) : 0;
}

/** Ascending, at most `limit`. */
export function keysIn(view: View, range: KeyRange, limit = Number.POSITIVE_INFINITY): KeyValue[] {
  if (range.rangeEnd === '') {
    const kv = view.get(range.key);
    return kv ? [kv] : [];
  }
  const { from, to } = intervalOf(range);
  const found: KeyValue[] = [];
  if (from >= to) return found;
  for (const kv of view.range(from, to)) {
    if (found.length >= limit) break;
    found.push(kv);
  }
  return found;
}
