import { ByteReader, ByteWriter } from './bytes.ts';
import type { LogRecord } from './entry.ts';
import { CorruptLogError } from './errors.ts';
import { AFTER_ALL_KEYS } from './keys.ts';
import { decodeRecord, encodeVersions } from './record-format.ts';
import { type KeepKeys, KeyspaceState } from './state.ts';
import type { KeyValue, Sequence } from './types.ts';
import { Version } from './version.ts';

/**
 * A state as chunks: a head with the small things, then the keys as they were at the compaction revision, then each revision since.
 * So whoever loads it can read and watch as far back as who wrote it.
 */

const FORMAT = 1;
/** Chunks are closed when they get this long, so that each (compressed) fits into an item of the store. */
const CHUNK_BYTES = 350_000;
const PART = { end: 0, version: 1, oldest: 2, step: 3, property: 4 } as const;

/**
 * Encodes the state as it is now; it may move on while the chunks are taken. Throws CompactedError if it is compacted meanwhile, unless it is
 * `pinned`: then all keys are looked up at once, which a state of millions of them has no time for.
 */
export function encodeSnapshot(state: KeyspaceState, { pinned = false } = {}): Iterable<Uint8Array> {
  const { compactRevision, history } = state;
  const keys = compactRevision > 0 ? state.at(compactRevision).range('', AFTER_ALL_KEYS) : [];
  const base = pinned ? [...keys] : keys;
  const oldest = history.versionsAt(compactRevision);
  const steps = history.since(compactRevision + 1);
  return encodeParts(headOf(state, compactRevision), [...state.properties], base, oldest, steps);
}

/** The newest keys only, without what was before them: for who keeps a copy. It doesn't fail, whatever happens meanwhile. */
export function encodeNewest(state: KeyspaceState): Iterable<Uint8Array> {
  const view = state.view();
  const head = headOf(state, view.revision);
  return encodeParts(head, [...state.properties], view.range('', AFTER_ALL_KEYS), undefined, []);
}

function headOf(state: KeyspaceState, compactRevision: number): Uint8Array {
  const head = new ByteWriter();
  head.byte(FORMAT);
  head.number(state.sequence);
  head.number(state.revision);
  head.number(compactRevision);
  const leases = state.leases.all();
  head.number(leases.length);
  for (const lease of leases) {
    head.int64(lease.id);
    head.number(lease.ttlSeconds);
  }
  const requests = state.requests.entries();
  head.number(requests.length);
  for (const [id, at] of requests) {
    head.text(id);
    head.number(at);
  }
  return head.take();
}

function* encodeParts(
  head: Uint8Array,
  properties: readonly [name: string, value: Uint8Array][],
  base: Iterable<KeyValue>,
  oldest: readonly Version[] | undefined,
  steps: Iterable<readonly Version[]>,
): Generator<Uint8Array> {
  yield head;
  const out = new ByteWriter();
  for (const [name, value] of properties) {
    out.byte(PART.property);
    out.text(name);
    out.bytes(value);
  }
  for (const version of base) {
    out.byte(PART.version);
    out.key(version.key);
    out.bytes(version.value);
    out.number(version.createRevision);
    out.number(version.modRevision);
    out.number(version.version);
    out.int64(version.lease);
    if (out.length >= CHUNK_BYTES) yield out.take();
  }
  if (oldest) {
    out.byte(PART.oldest);
    encodeVersions(out, oldest);
  }
  for (const versions of steps) {
    out.byte(PART.step);
    encodeVersions(out, versions);
    if (out.length >= CHUNK_BYTES) yield out.take();
  }
  out.byte(PART.end);
  yield out.take();
}

/** How a replica keeps less than everything. */
export interface PartialReplica {
  /** Of which keys; default all. */
  readonly keep?: KeepKeys | undefined;
  /** Without what only writers need. */
  readonly readOnly?: boolean | undefined;
  /** Called now and then while a snapshot is loaded: throws if that has become too much. */
  readonly admit?: (state: KeyspaceState) => void;
}

/** Throws CorruptLogError if the chunks are not one whole snapshot. */
export async function decodeSnapshot(
  sequence: Sequence,
  chunks: AsyncIterable<Uint8Array>,
  partial: PartialReplica = {},
): Promise<KeyspaceState> {
  // Values stay parts of the chunk, which saves much of their cost: what that keeps in memory needlessly, once some of them are
  // superseded, is never more than the snapshot itself. Who keeps less than that would keep all of it for a few of them.
  const share = partial.keep === undefined && partial.admit === undefined;
  let loading: Loading | undefined;
  for await (const chunk of chunks) {
    const input = new ByteReader(chunk, { share });
    if (loading) readParts(input, loading);
    else loading = readHead(input, sequence, partial);
    partial.admit?.(loading.state);
  }
  if (!loading?.ended) throw new CorruptLogError(`the snapshot at ${sequence} is not whole`);
  const { state, revision } = loading;
  if (state.revision !== revision) {
    throw new CorruptLogError(`the snapshot at ${sequence} leads to revision ${state.revision} instead of ${revision}`);
  }
  return state;
}

interface Loading {
  readonly state: KeyspaceState;
  /** Where it must end. */
  readonly revision: number;
  ended: boolean;
}

function readHead(input: ByteReader, sequence: Sequence, { keep, readOnly }: PartialReplica): Loading {
  const format = input.byte();
  if (format !== FORMAT) throw new CorruptLogError(`the snapshot at ${sequence} has format ${format}: update Terrane`);
  if (input.number() !== sequence) throw new CorruptLogError(`the snapshot at ${sequence} is another one`);
  const revision = input.number();
  const compactRevision = input.number();
  const state = new KeyspaceState({ sequence, revision: Math.max(1, compactRevision), compactRevision, keep, readOnly });
  for (let count = input.number(); count > 0; count--) state.leases.grant(input.int64(), input.number());
  for (let count = input.number(); count > 0; count--) {
    const [id, at] = [input.text(), input.number()];
    if (!readOnly) state.requests.add(id, at);
  }
  return { state, revision, ended: false };
}

function readParts(input: ByteReader, loading: Loading): void {
  const { state } = loading;
  while (!input.done) {
    if (loading.ended) throw new CorruptLogError('a snapshot goes on after its end');
    const part = input.byte();
    switch (part) {
      case PART.version:
        state.restore(
          new Version(input.key(), input.bytes(), input.number(), input.number(), input.number(), input.int64(), undefined),
        );
        break;
      case PART.property:
        state.properties.set(input.text(), input.bytes());
        break;
      case PART.oldest:
        restoreOldest(state, decodeRecord(input));
        break;
      case PART.step:
        state.applyRecord(decodeRecord(input));
        break;
      case PART.end:
        loading.ended = true;
        break;
      default:
        throw new CorruptLogError(`a snapshot holds a part of unknown kind ${part}`);
    }
  }
}

/** The events at the compaction revision can still be watched, but are part of the keys already. */
function restoreOldest(state: KeyspaceState, record: LogRecord): void {
  const revision = state.compactRevision;
  const kept = record.operations.filter((operation) => 'key' in operation && state.keeps(operation.key));
  const versions = kept.map((operation): Version => {
    if (operation.type === 'delete') return Version.deletion(operation.key, revision, undefined);
    const kv = operation.type === 'put' ? state.get(operation.key) : undefined;
    if (kv?.modRevision !== revision) throw new CorruptLogError(`a snapshot contradicts itself at revision ${revision}`);
    return kv;
  });
  state.history.restoreOldest(versions);
}
