import type { KeyValue } from '../keyspace/types.ts';
import type { View } from '../keyspace/view.ts';
import { keysIn } from './key-range.ts';
import type { Compare } from './requests.ts';

/** What a missing key compares as. */
const MISSING: KeyValue = { key: '', value: new Uint8Array(0), createRevision: 0, modRevision: 0, version: 0, lease: 0n };

/** Whether it holds for every key of its range. A missing key has zeros everywhere, but no value: any comparison with that fails. */
export function holds(view: View, compare: Compare): boolean {
  const kvs = keysIn(view, compare);
  if (kvs.length > 0) return kvs.every((kv) => holdsFor(kv, compare));
  return compare.target !== 'VALUE' && holdsFor(MISSING, compare);
}

function holdsFor(kv: KeyValue, compare: Compare): boolean {
  const difference = differenceOf(kv, compare);
  switch (compare.result) {
    case 'EQUAL':
      return difference === 0;
    case 'NOT_EQUAL':
      return difference !== 0;
    case 'GREATER':
      return difference > 0;
    case 'LESS':
      return difference < 0;
    case undefined:
      return true;
  }
}

function differenceOf(kv: KeyValue, compare: Compare): number {
  switch (compare.target) {
    case 'VERSION':
      return kv.version - compare.version;
    case 'CREATE':
      return kv.createRevision - compare.createRevision;
    case 'MOD':
      return kv.modRevision - compare.modRevision;
    case 'VALUE':
      return Buffer.compare(kv.value, compare.value);
    case 'LEASE':
      return kv.lease < compare.lease ? -1 : kv.lease > compare.lease ? 1 : 0;
    case undefined:
      return 0;
  }
}
