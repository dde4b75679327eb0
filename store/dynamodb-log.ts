import { LogRefusedError, StoreFullError, TrimmedError } from '../core/keyspace/errors.ts';
import { type Appended, assertHeadTrusted, type LogEntry, type ReadOptions, type Tail } from '../core/keyspace/log.ts';
import type { Sequence } from '../core/keyspace/types.ts';
import type { PagedLog } from '../core/ports/keyspaces.ts';
import type { Clock } from '../core/ports/clock.ts';
import { DynamoError } from './dynamo-calls.ts';
import type { CommitHub } from './commit-hub.ts';
import { type EntryItems, entryItems, type Item, readEntry, sequenceOf } from './log-items.ts';
import { BESIDE_END, type LogKeys, logKeys, POINTER, sequenceKey } from './log-keys.ts';
import { loadSnapshot, pointerOf, saveSnapshot, snapshotPage } from './log-snapshots.ts';
import { trimLog } from './log-retention.ts';
import type { Table } from './table.ts';

export interface DynamoLogOptions {
  readonly table: Table;
  readonly tenant: string;
  /** `<cluster>/<registry|kv>`. */
  readonly keyspace: string;
  readonly clock: Clock;
  /** Pack fast rather than small: the embedded store charges nothing. */
  readonly quickly?: boolean | undefined;
  /** Told of the items beside the entries (log-keys.ts) whenever the head is looked at: the same read unit pays for both. */
  readonly beside?: ((items: readonly Item[]) => void) | undefined;
  /** Tells the process' other replicas of the log. */
  readonly hub?: CommitHub;
  /** An entry was appended by this process. */
  readonly onAppended?: (entry: LogEntry) => void;
}

/** Beyond every sequence. */
const END = POINTER;

/** Errors that a retry doesn't cure, by the names that DynamoDB gives them. */
const REFUSALS = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'ValidationException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
]);

/** A keyspace's log in DynamoDB (decision 1). The conditional put of an entry is the only point where writers meet. */
export function dynamoLog(options: DynamoLogOptions): PagedLog {
  const { table, clock, hub } = options;
  const keys = logKeys(options.tenant, options.keyspace);
  const packing = { quickly: options.quickly ?? false };
  const log: PagedLog = {
    read: (after, readOptions) => readTail(table, keys, after, readOptions, options.beside),

    async append(entry, headVerifiedAt): Promise<Appended> {
      const assertFresh = () => assertHeadTrusted(clock.now(), headVerifiedAt);
      assertFresh();
      const winner = await put(table, keys, entryItems(keys, entry, clock.now(), packing), entry, assertFresh);
      if (winner) return { won: false, winner: winner.body };
      hub?.publish(keys.log, log);
      options.onAppended?.(entry);
      return { won: true };
    },

    loadSnapshot: () => loadSnapshot(table, keys),
    snapshotPage: (cursor) => snapshotPage(table, keys, cursor),
    async snapshotSequence() {
      return (await pointerOf(table, keys))?.sequence ?? 0;
    },
    async saveSnapshot(sequence, chunks) {
      await saveSnapshot(table, keys, sequence, chunks, clock.now(), packing);
      await trimLog(table, keys, clock.now());
    },
    ...(hub ? { subscribe: (listener: () => void) => hub.subscribe(keys.log, log, listener) } : {}),
  };
  return log;
}

/** Returns the entry that had the place already, if there was one. */
async function put(
  table: Table,
  keys: LogKeys,
  { entry: item, parts }: EntryItems,
  entry: LogEntry,
  assertFresh: () => void,
): Promise<LogEntry | undefined> {
  try {
    await Promise.all(parts.map((part) => table.put(part)));
    const there = await table.putIf(item, { expression: 'attribute_not_exists(pk)' }, assertFresh);
    if (!there) return undefined;
    const winner = there['pk'] ? there : await table.get(keys.log, sequenceKey(entry.sequence));
    if (!winner) throw new TrimmedError(entry.sequence);
    return await readEntry(table, keys, winner);
  } catch (error) {
    if (error instanceof Error && REFUSALS.has(error.name)) {
      throw new LogRefusedError(`the store refused to write: ${error.message}`, { cause: error });
    }
    // The embedded store has answered, so that what isn't there now won't come.
    if (isDiskFull(error) && !(await table.get(keys.log, sequenceKey(entry.sequence)))) {
      throw storeFull(error);
    }
    throw error;
  }
}

/** The embedded store says so. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof DynamoError && error.message.includes('disk is full');
}

export function storeFull(cause: unknown): StoreFullError {
  return new StoreFullError('the disk that holds the data directory is full: nothing was changed. Make room and try again', {
    cause,
  });
}

async function readTail(
  table: Table,
  keys: LogKeys,
  after: Sequence,
  { verify, expectNews }: ReadOptions,
  beside: DynamoLogOptions['beside'],
): Promise<Tail> {
  if (!verify && !expectNews && !beside) {
    // The usual case, and the cheapest question: is there a next one?
    const next = await table.get(keys.log, sequenceKey(after + 1));
    if (!next) return { entries: [], more: false };
    const rest = await table.query(keys.log, sequenceKey(after + 2), END);
    return entriesOf(table, keys, after, [next, ...rest.items], rest.next !== undefined);
  }
  const from = verify && after > 0 ? after : after + 1;
  const page = await table.query(keys.log, sequenceKey(from), beside ? BESIDE_END : END);
  const { next } = page;
  const items = page.items.filter((item) => item['sk']!.S! < END);
  if (!next) beside?.(page.items.slice(items.length));
  if (from === after && (items.length === 0 || sequenceOf(items.shift()!) !== after)) throw new TrimmedError(after);
  if (items.length > 0 && sequenceOf(items[0]!) !== after + 1) throw new TrimmedError(after);
  return entriesOf(table, keys, after, items, next !== undefined);
}

/** Stops at the first gap: it closes when asked again, or else was trimmed, which the next question finds out. */
async function entriesOf(table: Table, keys: LogKeys, after: Sequence, items: readonly Item[], more: boolean): Promise<Tail> {
  const gap = items.findIndex((item, index) => sequenceOf(item) !== after + 1 + index);
  const whole = gap < 0 ? items : items.slice(0, gap);
  const entries = await Promise.all(whole.map((item) => readEntry(table, keys, item)));
  return { entries, more: more || gap >= 0 };
}
