import type { Sequence } from '../core/keyspace/types.ts';

/** Where a keyspace's items are in the tenant table. `keyspace` is `<cluster>/<registry|kv>`. */
export interface LogKeys {
  /** Entries, by sequence. */
  readonly log: string;
  /** Bodies of entries too long for one item, by sequence, id and part. */
  readonly chunks: string;
  /** Snapshots, by sequence, id and part; and the pointer to the newest. */
  readonly snapshots: string;
}

export function logKeys(tenant: string, keyspace: string): LogKeys {
  return {
    log: `${tenant}#log#${keyspace}`,
    chunks: `${tenant}#chunk#${keyspace}`,
    snapshots: `${tenant}#snap#${keyspace}`,
  };
}

export const POINTER = 'pointer';

/** Zero padded, so that the order of text is the order of numbers. Smaller than POINTER. */
export function sequenceKey(sequence: Sequence): string {
  return String(sequence).padStart(16, '0');
}

export function partKey(sequence: Sequence, id: string, part: number): string {
  return `${sequenceKey(sequence)}#${id}#${String(part).padStart(6, '0')}`;
}

/** What stands behind the entries of a log, in their partition, so that it comes along with each look at the log's head. Greater than POINTER. */
export const BESIDE = 'token#';
/** Greater than all that is beside. */
export const BESIDE_END = 'token$';
