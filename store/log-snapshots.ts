import { createHash, randomBytes } from 'node:crypto';
import { CorruptLogError } from '../core/keyspace/errors.ts';
import type { StoredSnapshot } from '../core/keyspace/log.ts';
import type { Sequence } from '../core/keyspace/types.ts';
import { ANSWER_BYTES_MAX, type SnapshotPage } from '../core/node/kv.ts';
import { inOrder, Lanes } from './few-at-a-time.ts';
import { type Item, split } from './log-items.ts';
import { type LogKeys, partKey, POINTER } from './log-keys.ts';
import { pack, unpack } from './packed.ts';
import type { Table } from './table.ts';

/** Parts that are written, or read, at once. */
const PARTS_AT_ONCE = 4;

/** What the pointer item says of the newest snapshot. */
interface Pointer {
  readonly sequence: Sequence;
  /** Whose parts they are: two replicas may write a snapshot at the same sequence. */
  readonly id: string;
  readonly parts: number;
  /** SHA-256 over the bytes of all parts. */
  readonly sum: string;
}

export async function pointerOf(table: Table, keys: LogKeys): Promise<Pointer | undefined> {
  const item = await table.get(keys.snapshots, POINTER);
  if (!item) return undefined;
  return { sequence: Number(item['seq']!.N), id: item['id']!.S!, parts: Number(item['n']!.N), sum: item['sum']!.S! };
}

/**
 * Writes the chunks as parts of at most 390 KB, and only then moves the pointer: a reader never sees a half-written snapshot. The
 * pointer only moves forward.
 */
export async function saveSnapshot(
  table: Table,
  keys: LogKeys,
  sequence: Sequence,
  chunks: Iterable<Uint8Array>,
  now: number,
  packing: { quickly?: boolean } = {},
): Promise<void> {
  const id = randomBytes(9).toString('base64url');
  const sum = createHash('sha256');
  const lanes = new Lanes(PARTS_AT_ONCE);
  let parts = 0;
  for (const chunk of chunks) {
    const pieces = split(pack(chunk, packing));
    for (const [index, piece] of pieces.entries()) {
      sum.update(piece);
      const last = index === pieces.length - 1;
      const item = partItem(keys, partKey(sequence, id, parts), piece, last, now);
      await lanes.add(() => table.put(item));
      parts++;
    }
  }
  await lanes.end();
  const pointer: Item = {
    pk: { S: keys.snapshots },
    sk: { S: POINTER },
    seq: { N: String(sequence) },
    id: { S: id },
    n: { N: String(parts) },
    sum: { S: sum.digest('hex') },
    at: { N: String(now) },
  };
  await table.putIf(pointer, {
    expression: 'attribute_not_exists(pk) OR seq < :seq',
    values: { ':seq': { N: String(sequence) } },
  });
}

function partItem(keys: LogKeys, sk: string, piece: Uint8Array, last: boolean, now: number): Item {
  return {
    pk: { S: keys.snapshots },
    sk: { S: sk },
    at: { N: String(now) },
    b: { B: piece },
    // A chunk too long for one item goes on in the next.
    ...(last ? {} : { more: { BOOL: true } }),
  };
}

export async function loadSnapshot(table: Table, keys: LogKeys): Promise<StoredSnapshot | undefined> {
  const pointer = await pointerOf(table, keys);
  return pointer && { sequence: pointer.sequence, chunks: readChunks(table, keys, pointer) };
}

/** Parts are read until a page has about this much; each unpacks to more. */
const PAGE_BYTES = 1_000_000;

/**
 * The part of the newest snapshot that `cursor` (of the page before) points to, or its beginning: for readers that can take only so
 * much at once. If another snapshot has taken its place since, the answer is the beginning of that one.
 */
export async function snapshotPage(table: Table, keys: LogKeys, cursor: string | undefined): Promise<SnapshotPage | undefined> {
  const pointer = await pointerOf(table, keys);
  if (!pointer) return undefined;
  const { sequence, id, parts } = pointer;
  const [cursorId, cursorPart = ''] = cursor?.split('/') ?? [];
  const known = cursorId === id && /^\d{1,6}$/.test(cursorPart);
  let part = known ? Number(cursorPart) : 0;
  const chunks: Uint8Array[] = [];
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let chunkEnd = part;
  while (part < parts && bytes < PAGE_BYTES) {
    const page = await table.query(keys.snapshots, partKey(sequence, id, part), partKey(sequence, id, parts));
    for (const item of page.items) {
      const piece = item['b']?.B;
      if (item['sk']!.S !== partKey(sequence, id, part) || !piece) break;
      part++;
      pieces.push(piece);
      if (item['more']?.BOOL) continue;
      const chunk = unpack(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), `a part of the snapshot at ${sequence}`);
      pieces = [];
      if (bytes > 0 && bytes + chunk.length > ANSWER_BYTES_MAX) return { sequence, id, chunks, next: `${id}/${chunkEnd}` };
      bytes += chunk.length;
      chunkEnd = part;
      chunks.push(chunk);
    }
    if (page.items.length === 0) {
      throw new CorruptLogError(`the snapshot at ${sequence} of ${keys.snapshots} lacks part ${part + 1} of ${parts}`);
    }
  }
  return { sequence, id, chunks, next: chunkEnd < parts ? `${id}/${chunkEnd}` : undefined };
}

async function* readChunks(table: Table, keys: LogKeys, pointer: Pointer): AsyncGenerator<Uint8Array> {
  const { sequence, id, parts } = pointer;
  const what = `the snapshot at ${sequence} of ${keys.snapshots}`;
  const sum = createHash('sha256');
  let seen = 0;
  let pieces: Uint8Array[] = [];
  for await (const item of inOrder(parts, PARTS_AT_ONCE, (part) => table.get(keys.snapshots, partKey(sequence, id, part)))) {
    const piece = item?.['b']?.B;
    if (!piece) break;
    seen++;
    sum.update(piece);
    pieces.push(piece);
    if (item['more']?.BOOL) continue;
    yield unpack(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), `a part of ${what}`);
    pieces = [];
  }
  if (seen !== parts || pieces.length > 0) {
    throw new CorruptLogError(`${what} lacks part ${seen + 1} of ${parts}. Restore the store from a backup`);
  }
  if (sum.digest('hex') !== pointer.sum) {
    throw new CorruptLogError(`${what} is damaged: its checksum does not match. Restore the store from a backup`);
  }
}
