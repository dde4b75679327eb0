import { type FileHandle, mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader, ByteWriter } from '../../core/keyspace/bytes.ts';
import type { LogEntry, StoredSnapshot } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import { writeAtomic } from '../files/atomic-file.ts';
import { messageOf } from '../docker/errors.ts';
import { DamagedFileError, frame, frameBytes, readFrames } from './frames.ts';

/** Whose cache it is, and of what: a file of another host, cluster or choice of keys is of no use. */
export interface CacheIdentity {
  readonly owner: string;
  readonly prefixes: readonly string[];
}

/** What the files hold: a state, and the entries that came after it. */
export interface Cached {
  /** Its chunks throw DamagedFileError where the file was changed. */
  readonly snapshot: StoredSnapshot | undefined;
  /** Read as they are asked for, once; nothing must be written before the last one. There may be more of them than fit into memory. */
  readonly entries: Iterable<LogEntry> | AsyncIterable<LogEntry>;
}

/** Where a copy is kept. What it is told to write it writes behind, in order. */
export interface CopyFile {
  /** Why the last write failed. */
  readonly problem: string | undefined;
  /** Throws DamagedFileError. */
  load(): Promise<Cached | undefined>;
  append(entry: LogEntry): void;
  /** Whether starting from the entries would take longer than it should. */
  isLong(contentBytes: number): boolean;
  /** In place of all that came before. */
  save(sequence: Sequence, chunks: Iterable<Uint8Array>): void;
  discard(): void;
  written(): Promise<void>;
  close(): Promise<void>;
}

interface Head extends CacheIdentity {
  readonly format: number;
  /** Of the snapshot. */
  readonly sequence?: Sequence;
}

const FORMAT = 1;
/**
 * A journal up to so many bytes, or so many times what the copy holds, isn't worth a new snapshot: on a host that writes all the time, writing all of a full
 * copy anew each time that as much was written took a quarter of the agent's work. It costs disk, and about a second of a start.
 */
const JOURNAL = { bytesMin: 4_000_000, contents: 3 };
/** After a write failed nothing more is written for so long, ms: then all of it, anew. */
const RETRY_MS = 60_000;
/** Entries are written together, up to so many bytes and so late, ms: each write costs as much as a client's call. */
const TOGETHER = { bytesMax: 1_000_000, ms: 100 };

/**
 * The cache on disk: `snapshot`, replaced as a whole, and `journal`, to which each entry is added as it comes; a crash costs the
 * journal's last entries at most, which are then read from the control plane again. Writing goes on behind; what fails is said by
 * `problem`, and the cache lives on in memory. A disk that is full isn't made fuller: entries after a gap would be of no use, and a journal that no
 * snapshot ends would grow for ever.
 */
export class CacheFile implements CopyFile {
  readonly #directory: string;
  readonly #identity: CacheIdentity;
  #journal: FileHandle | undefined;
  #journalBytes = 0;
  /** Writes, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  /** Entries up to here are on disk, or will be with what is being written. */
  #journaled: Sequence = 0;
  /** Frames that wait to be written with others. */
  #unwritten: Buffer[] = [];
  #unwrittenTo: Sequence = 0;
  #unwrittenBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Entries that came while a snapshot was being written. */
  #since: LogEntry[] | undefined;
  /** Of the last write. */
  #failed: { readonly error: unknown; readonly at: number } | undefined;
  readonly #retryMs: () => number;

  constructor(directory: string, identity: CacheIdentity, retryMs = (): number => RETRY_MS) {
    this.#directory = directory;
    this.#identity = identity;
    this.#retryMs = retryMs;
  }

  /** Why the last write failed. */
  get problem(): string | undefined {
    return this.#failed && messageOf(this.#failed.error);
  }

  /** Throws DamagedFileError; what a crash left unfinished is passed over. */
  async load(): Promise<Cached | undefined> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const snapshot = await this.#openSnapshot();
    const entries = this.#readJournal((snapshot?.sequence ?? 0) + 1);
    const first = await entries.next();
    if (first.done) return snapshot && { snapshot, entries: [] };
    return { snapshot, entries: startingWith(first.value, entries) };
  }

  append(entry: LogEntry): void {
    this.#since?.push(entry);
    const bytes = frame(entryBytes(entry));
    this.#journalBytes += bytes.length;
    this.#unwritten.push(bytes);
    this.#unwrittenTo = entry.sequence;
    this.#unwrittenBytes += bytes.length;
    if (this.#unwrittenBytes >= TOGETHER.bytesMax) this.#writeEntries();
    else this.#timer ??= setTimeout(() => this.#writeEntries(), TOGETHER.ms).unref();
  }

  /** What came since the last write, in one. */
  #writeEntries(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unwritten.length === 0) return;
    const [frames, upTo] = [this.#unwritten, this.#unwrittenTo];
    this.#unwritten = [];
    this.#unwrittenBytes = 0;
    this.#enqueue(async () => {
      // A snapshot that was written meanwhile holds them, and the next one will.
      if (upTo <= this.#journaled || this.#failed) return;
      this.#journal ??= await this.#openJournal();
      await this.#journal.appendFile(Buffer.concat(frames));
    });
  }

  /** Whether starting from the journal would take longer than it should, or wouldn't lead to what there is. */
  isLong(contentBytes: number): boolean {
    if (this.#since !== undefined) return false;
    if (this.#failed) return performance.now() - this.#failed.at >= this.#retryMs();
    return this.#journalBytes > Math.max(JOURNAL.bytesMin, JOURNAL.contents * contentBytes);
  }

  /** Replaces snapshot and journal by that state and what comes from now on. */
  save(sequence: Sequence, chunks: Iterable<Uint8Array>): void {
    this.#writeEntries();
    const since: LogEntry[] = [];
    this.#since = since;
    this.#enqueue(async () => {
      try {
        await writeAtomic(this.#path('snapshot'), snapshotFrames({ ...this.#head(), sequence }, chunks));
        await this.#journal?.close();
        this.#journal = undefined;
        this.#since = undefined;
        const journal = [frame(json(this.#head())), ...since.map((entry) => frame(entryBytes(entry)))];
        this.#journalBytes = journal.reduce((sum, { length }) => sum + length, 0);
        await writeAtomic(this.#path('journal'), journal);
        this.#journaled = since.at(-1)?.sequence ?? sequence;
        this.#failed = undefined;
      } finally {
        this.#since = undefined;
      }
    });
  }

  /** Forgets all of it. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unwritten = [];
    this.#unwrittenBytes = 0;
    this.#enqueue(async () => {
      await this.#journal?.close();
      this.#journal = undefined;
      this.#journalBytes = 0;
      this.#journaled = 0;
      this.#failed = undefined;
      for (const name of ['snapshot', 'journal']) await rm(this.#path(name), { force: true });
    });
  }

  /** Resolves when everything so far is written. */
  async written(): Promise<void> {
    this.#writeEntries();
    await this.#queue;
  }

  /** Resolves when all was written that is going to be. */
  async close(): Promise<void> {
    this.#writeEntries();
    await this.#queue;
    await this.#journal?.close();
    this.#journal = undefined;
  }

  #enqueue(write: () => Promise<void>): void {
    this.#queue = this.#queue.then(write).catch((error: unknown) => {
      this.#failed = { error, at: performance.now() };
    });
  }

  async #openSnapshot(): Promise<StoredSnapshot | undefined> {
    const path = this.#path('snapshot');
    if (!(await exists(path))) return undefined;
    const frames = readFrames(path);
    const head = parseHead((await frames.next()).value, path);
    if (!this.#isOurs(head) || head.sequence === undefined) return undefined;
    return { sequence: head.sequence, chunks: frames };
  }

  /** The entries from `first` on, without gaps. A damaged one ends them: the rest can be had from the control plane. */
  async *#readJournal(first: Sequence): AsyncGenerator<LogEntry, void> {
    const path = this.#path('journal');
    if (!(await exists(path))) return;
    let next = first;
    let end = 0;
    try {
      const frames = readFrames(path);
      const head = (await frames.next()).value;
      if (this.#isOurs(parseHead(head, path))) {
        end = frameBytes(head!);
        for await (const payload of frames) {
          // Kept only until it is applied.
          const input = new ByteReader(payload, { share: true });
          const entry = { sequence: input.number(), body: input.bytes() };
          if (entry.sequence > next) break;
          end += frameBytes(payload);
          if (entry.sequence < next) continue;
          next++;
          yield entry;
        }
      }
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
    }
    await this.#endJournal(end);
  }

  /** What comes next must not come to lie behind an unfinished frame, or a gap. */
  async #endJournal(end: number): Promise<void> {
    const path = this.#path('journal');
    this.#journalBytes = end;
    if (end === 0) await rm(path, { force: true });
    else if ((await stat(path)).size > end) await truncate(path, end);
  }

  async #openJournal(): Promise<FileHandle> {
    const path = this.#path('journal');
    if (!(await exists(path))) await writeAtomic(path, frame(json(this.#head())));
    return open(path, 'a', 0o600);
  }

  #head(): Head {
    return { format: FORMAT, ...this.#identity };
  }

  #isOurs({ format, owner, prefixes }: Head): boolean {
    const mine = this.#identity;
    return format === FORMAT && owner === mine.owner && JSON.stringify(prefixes) === JSON.stringify(mine.prefixes);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

async function* startingWith(first: LogEntry, rest: AsyncIterable<LogEntry>): AsyncGenerator<LogEntry> {
  yield first;
  yield* rest;
}

function* snapshotFrames(head: Head, chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield frame(json(head));
  for (const chunk of chunks) yield frame(chunk);
}

function entryBytes({ sequence, body }: LogEntry): Uint8Array {
  const out = new ByteWriter();
  out.number(sequence);
  out.bytes(body);
  return out.take();
}

function json(head: Head): Buffer {
  return Buffer.from(JSON.stringify(head));
}

function parseHead(payload: Buffer | void, path: string): Head {
  try {
    return JSON.parse(payload!.toString('utf8')) as Head;
  } catch {
    throw new DamagedFileError(`${path} is damaged: it does not say what it is`);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
