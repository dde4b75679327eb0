import { createHash } from 'node:crypto';
import { CorruptLogError } from '../keyspace/errors.ts';
import { decodeSnapshot } from '../keyspace/snapshot.ts';
import type { KeyspaceState } from '../keyspace/state.ts';

/**
 * A copy of a store as a file (docs/etcd-snapshot.md): a line that says what it is, the log's chunks each with its length before it, a
 * length of zero, zeros up to a multiple of 512, and the SHA-256 of all that. So its length is 32 more than a multiple of 512, by which
 * etcdctl knows that nothing is missing at the end.
 */

const MAGIC = 'terrane-kv-snapshot 1';
const LENGTH_BYTES = 4;
const BLOCK_BYTES = 512;
const SUM_BYTES = 32;
/** No chunk is longer: a length beyond it means damage. */
const CHUNK_BYTES_MAX = 64 * 1024 * 1024;

export function* encodeSnapshotFile(sequence: number, chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  const sum = createHash('sha256');
  let total = 0;
  const out = (...parts: Uint8Array[]) => {
    const bytes = Buffer.concat(parts);
    sum.update(bytes);
    total += bytes.length;
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  yield out(Buffer.from(`${MAGIC} ${sequence}\n`));
  for (const chunk of chunks) yield out(lengthOf(chunk.length), chunk);
  const end = total + LENGTH_BYTES;
  const padding = (BLOCK_BYTES - (end % BLOCK_BYTES)) % BLOCK_BYTES;
  const tail = out(Buffer.alloc(LENGTH_BYTES + padding));
  yield Buffer.concat([tail, sum.digest()]);
}

/** Throws CorruptLogError, with what is wrong, if it is not one whole file. */
export async function decodeSnapshotFile(bytes: AsyncIterable<Uint8Array>): Promise<KeyspaceState> {
  const file = Buffer.concat(await collect(bytes));
  const line = file.subarray(0, Math.max(0, file.indexOf('\n'))).toString('latin1');
  if (!line.startsWith(`${MAGIC} `)) {
    throw new CorruptLogError(
      'this is no snapshot of Terrane: save one with `terrane kv snapshot save` (etcd has another format)',
    );
  }
  const body = file.subarray(0, -SUM_BYTES);
  const sum = createHash('sha256').update(body).digest();
  if (file.length % BLOCK_BYTES !== SUM_BYTES || !sum.equals(file.subarray(-SUM_BYTES))) {
    throw new CorruptLogError('the snapshot is damaged or not whole: its checksum does not match');
  }
  return decodeSnapshot(Number(line.slice(MAGIC.length + 1)), chunksOf(body, line.length + 1));
}

async function* chunksOf(body: Buffer, start: number): AsyncGenerator<Uint8Array> {
  for (let at = start; ; ) {
    const length = body.readUInt32BE(at);
    if (length === 0) return;
    if (length > CHUNK_BYTES_MAX) throw new CorruptLogError('the snapshot is damaged: a chunk is too long');
    at += LENGTH_BYTES + length;
    yield body.subarray(at - length, at);
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return parts;
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32BE(length);
  return bytes;
}
