import type { ByteReader, ByteWriter } from './bytes.ts';
import type { LogRecord, Operation } from './entry.ts';
import { CorruptLogError } from './errors.ts';
import type { Key } from './types.ts';
import type { Version } from './version.ts';

/** A transaction's record as it stands alone, in snapshots and in entries of format 1: nothing in it leans on what came before. */

const TAG = {
  put: 1,
  putLeased: 2,
  putFresh: 3,
  putFreshLeased: 4,
  delete: 5,
  grant: 6,
  revoke: 7,
  compact: 8,
  elsewhere: 9,
  set: 10,
  unset: 11,
} as const;

export function encodeRecord(out: ByteWriter, record: LogRecord): void {
  out.text(record.requestId ?? '');
  out.number(record.operations.length);
  for (const operation of record.operations) encodeOperation(out, operation);
}

/** What came about in one transaction, as its record; none: its changes are of keys that aren't kept here. */
export function encodeVersions(out: ByteWriter, versions: readonly Version[]): void {
  out.text('');
  out.number(versions.length || 1);
  if (versions.length === 0) out.byte(TAG.elsewhere);
  for (const { key, value, lease, version } of versions) {
    if (version > 0) encodePut(out, key, value, lease, version === 1);
    else encodeDelete(out, key);
  }
}

/** Throws CorruptLogError. */
export function decodeRecord(input: ByteReader): LogRecord {
  const requestId = input.text() || undefined;
  return { requestId, operations: input.list(() => decodeOperation(input)) };
}

function encodeOperation(out: ByteWriter, operation: Operation): void {
  switch (operation.type) {
    case 'put':
      return encodePut(out, operation.key, operation.value, operation.lease, operation.fresh);
    case 'delete':
      return encodeDelete(out, operation.key);
    case 'grant':
      out.byte(TAG.grant);
      out.int64(operation.lease);
      out.number(operation.ttlSeconds);
      return;
    case 'revoke':
      out.byte(TAG.revoke);
      out.int64(operation.lease);
      return;
    case 'compact':
      out.byte(TAG.compact);
      out.number(operation.revision);
      return;
    case 'elsewhere':
      out.byte(TAG.elsewhere);
      return;
    case 'set':
      out.byte(operation.value ? TAG.set : TAG.unset);
      out.text(operation.name);
      if (operation.value) out.bytes(operation.value);
  }
}

function encodePut(out: ByteWriter, key: Key, value: Uint8Array, lease: bigint, fresh: boolean): void {
  const leased = lease !== 0n;
  if (fresh) out.byte(leased ? TAG.putFreshLeased : TAG.putFresh);
  else out.byte(leased ? TAG.putLeased : TAG.put);
  if (leased) out.int64(lease);
  out.key(key);
  out.bytes(value);
}

function encodeDelete(out: ByteWriter, key: Key): void {
  out.byte(TAG.delete);
  out.key(key);
}

function decodeOperation(input: ByteReader): Operation {
  const tag = input.byte();
  switch (tag) {
    case TAG.put:
    case TAG.putLeased:
    case TAG.putFresh:
    case TAG.putFreshLeased: {
      const leased = tag === TAG.putLeased || tag === TAG.putFreshLeased;
      const fresh = tag === TAG.putFresh || tag === TAG.putFreshLeased;
      const lease = leased ? input.int64() : 0n;
      return { type: 'put', key: input.key(), value: input.bytes(), lease, fresh };
    }
    case TAG.delete:
      return { type: 'delete', key: input.key() };
    case TAG.grant:
      return { type: 'grant', lease: input.int64(), ttlSeconds: input.number() };
    case TAG.revoke:
      return { type: 'revoke', lease: input.int64() };
    case TAG.compact:
      return { type: 'compact', revision: input.number() };
    case TAG.elsewhere:
      return { type: 'elsewhere' };
    case TAG.set:
      return { type: 'set', name: input.text(), value: input.bytes() };
    case TAG.unset:
      return { type: 'set', name: input.text(), value: undefined };
    default:
      throw new CorruptLogError(`the log holds an operation of unknown kind ${tag}: update Terrane`);
  }
}
