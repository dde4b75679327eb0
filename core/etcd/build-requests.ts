import type { Key, Revision } from '../keyspace/types.ts';
import type { Compare, DeleteRangeRequest, PutRequest, RangeRequest } from './requests.ts';

/** Requests with zeros where nothing is said, for who asks from within: locks, the v2 API, the CLI. */

const NOTHING = new Uint8Array(0);

export function rangeOf(key: Key, more: Partial<RangeRequest> = {}): RangeRequest {
  return {
    key,
    rangeEnd: '',
    limit: 0,
    revision: 0,
    sortOrder: 'NONE',
    sortTarget: 'KEY',
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...more,
  };
}

export function putOf(key: Key, value: Uint8Array, more: Partial<PutRequest> = {}): PutRequest {
  return { key, value, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false, ...more };
}

export function deleteOf(key: Key, rangeEnd: Key = '', prevKv = false): DeleteRangeRequest {
  return { key, rangeEnd, prevKv };
}

/** `key` was created at that revision; 0: it doesn't exist. */
export function createdAt(key: Key, createRevision: Revision): Compare {
  return {
    key,
    rangeEnd: '',
    target: 'CREATE',
    result: 'EQUAL',
    version: 0,
    createRevision,
    modRevision: 0,
    value: NOTHING,
    lease: 0n,
  };
}

/** Where the keys end that begin with `prefix`, as etcd's clients have it. */
export function prefixEnd(prefix: Key): Key {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const code = prefix.charCodeAt(at);
    if (code < 0xff) return `${prefix.slice(0, at)}${String.fromCharCode(code + 1)}`;
  }
  return '\0';
}
