import { mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CorruptLogError, LogRefusedError, TrimmedError } from '../../core/keyspace/errors.ts';
import type { Appended, LogEntry, Tail } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import { diskError } from './disk-errors.ts';
import { firstOf, Segment, syncDirectory, UnsureAppendError } from './segment.ts';

export interface EntryFilesOptions {
  /** Of this log alone. Made with the first entry. */
  readonly directory: string;
  /** Of the log: its files say it, so that none is taken for another's. */
  readonly name: string;
  /** Called when one more file is held open; `idle` lets go of it. */
  readonly onOpened?: (files: EntryFiles) => void;
  /** A file that is longer isn't appended to any more; what is old goes by whole files. Default 8 MB. */
  readonly segmentBytes?: number | undefined;
}

const RESTORE = 'Restore the data directory from a backup';
const SEGMENT_BYTES = 8_000_000;
/** Directories that are made for a log, at most: its own, its cluster's and that of all logs. */
const DIRECTORY_DEPTH = 3;
/** Who isn't written to can't tell that the disk is well again: what was wrong is told for so long. */
const PROBLEM_MS = 60_000;
/** Of entries in one answer, about. */
const PAGE_BYTES = 1_000_000;

/** A file that isn't appended to any more; it is read when somebody asks for what is in it. */
interface Sealed {
  readonly first: Sequence;
  readonly path: string;
  segment?: Promise<Segment>;
}

/** The entries of one log in files. Nothing of them is seen before it is on the disk. There must be only one for a directory. */
export class EntryFiles {
  readonly #options: EntryFilesOptions;
  readonly #sealed: Sealed[] = [];
  #newest: Segment | undefined;
  #opening: Promise<void> | undefined;
  /** Appends go one after the other, and so does what changes the files. */
  #turn: Promise<unknown> = Promise.resolve();
  #full = false;
  #removed = false;
  #problem: { readonly message: string; readonly at: number } | undefined;

  constructor(options: EntryFilesOptions) {
    this.#options = options;
  }

  /**
   * Finds out what there is. To be awaited before anything else; throws CorruptLogError. `expected`: asked once, if there is no file: should
   * there be?
   */
  open(expected: () => Promise<boolean>): Promise<void> {
    this.#opening ??= this.#open(expected).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** There is no file yet. */
  get empty(): boolean {
    return this.#newest === undefined;
  }

  /** No entry is here yet. */
  get blank(): boolean {
    return this.head < this.first;
  }

  /** The first sequence that is here. */
  get first(): Sequence {
    return this.#sealed[0]?.first ?? this.#newest?.first ?? 1;
  }

  /** The last entry that is on the disk. */
  get head(): Sequence {
    return this.#newest?.last ?? 0;
  }

  /** What was wrong with the disk when it was last written to; undefined: nothing, or that was more than PROBLEM_MS before `now`. */
  problem(now: number): string | undefined {
    return this.#problem && now - this.#problem.at < PROBLEM_MS ? this.#problem.message : undefined;
  }

  /** Makes the first file, for entries from `first` on, unless there is one. False: there must not be any more. */
  begin(first: Sequence, at: number): Promise<boolean> {
    return this.#write(at, async () => {
      if (this.#removed) return false;
      if (this.#newest) return true;
      await this.#makeDirectory();
      this.#newest = await Segment.create(this.#options.directory, this.#options.name, first, at);
      return true;
    });
  }

  /** `first` of this log must not be after the entry. Throws UnsureAppendError, or what diskError makes of what went wrong. */
  append(entry: LogEntry, at: number): Promise<Appended> {
    return this.#write(at, async () => {
      if (this.#removed) throw new LogRefusedError(`the log ${this.#options.name} was deleted`);
      if (entry.sequence <= this.head) {
        const [winner] = (await this.read(entry.sequence - 1)).entries;
        return { won: false, winner: winner!.body };
      }
      if (entry.sequence !== this.head + 1) {
        throw new CorruptLogError(`entry ${entry.sequence} can not follow entry ${this.head}, the last of the log`);
      }
      const segment = await this.#forAppend(at);
      if (!segment.isOpen) this.#options.onOpened?.(this);
      await segment.append(entry, at);
      return { won: true };
    });
  }

  /** The entries after `after`, a page of them. Throws TrimmedError if they were trimmed, CorruptLogError. */
  async read(after: Sequence): Promise<Tail> {
    const { head } = this;
    const entries: LogEntry[] = [];
    let last = after;
    try {
      for (let room = PAGE_BYTES; room > 0 && last < head; last = entries.at(-1)!.sequence) {
        const some = await this.#readFile(last, room);
        entries.push(...some);
        for (const { body } of some) room -= body.length;
      }
    } catch (error) {
      throw diskError(error, 'read');
    }
    return { entries, more: last < head };
  }

  /** Deletes the files of which all entries are before `covered` and written before `before` (ms since the epoch). */
  trim(covered: Sequence, before: number): Promise<void> {
    return this.#inTurn(async () => {
      // What comes next goes to another file, so that this one can go.
      this.#full ||= this.#newest !== undefined && this.#newest.lastAt < before;
      while (this.#sealed.length > 0) {
        const next = this.#sealed[1]?.first ?? this.#newest!.first;
        if (next > covered) return;
        const { lastAt, path } = (await this.#segmentOf(next - 1))!;
        if (lastAt >= before) return;
        await unlink(path);
        this.#sealed.shift();
      }
    });
  }

  /** Gives descriptors back; it can be used on. */
  idle(): Promise<void> {
    return this.#inTurn(async () => this.#newest?.close());
  }

  /** Deletes all. Nothing is appended from then on. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.#inTurn(async () => {
      await this.#newest?.close();
      this.#newest = undefined;
      this.#sealed.length = 0;
      await rm(this.#options.directory, { recursive: true, force: true });
    });
  }

  async #open(expected: () => Promise<boolean>): Promise<void> {
    const { directory, name } = this.#options;
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw diskError(error, 'read');
    });
    const files: Sealed[] = names.flatMap((file) => {
      const first = firstOf(file);
      return first === undefined ? [] : [{ first, path: join(directory, file) }];
    });
    files.sort((a, b) => a.first - b.first);
    for (let file = files.pop(); file && !this.#newest; file = this.#newest ? undefined : files.pop()) {
      this.#newest = await Segment.open(file.path, name, file.first, true).catch((error: unknown) => {
        throw diskError(error, 'read');
      });
      // Nobody was told of what was to be written there.
      if (!this.#newest) await unlink(file.path);
    }
    this.#sealed.push(...files);
    if (this.empty && !this.#removed && (await expected())) {
      throw new CorruptLogError(`the log's files in ${directory} are missing. ${RESTORE}`);
    }
  }

  async #forAppend(at: number): Promise<Segment> {
    const { directory, name, segmentBytes = SEGMENT_BYTES } = this.#options;
    const newest = this.#newest!;
    if (newest.last < newest.first || (newest.bytes < segmentBytes && !this.#full)) return newest;
    await newest.seal();
    const next = await Segment.create(directory, name, newest.last + 1, at);
    this.#sealed.push({ first: newest.first, path: newest.path, segment: Promise.resolve(newest) });
    this.#newest = next;
    this.#full = false;
    return next;
  }

  /** Entries after `after` that are in one file; one at least. */
  async #readFile(after: Sequence, bytesMax: number): Promise<LogEntry[]> {
    try {
      const segment = await this.#segmentOf(after + 1);
      if (segment) return await segment.read(after, bytesMax);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    throw new TrimmedError(after);
  }

  /** The file with an entry, if it is in one. */
  async #segmentOf(sequence: Sequence): Promise<Segment | undefined> {
    if (this.#newest && sequence >= this.#newest.first) return this.#newest;
    const index = this.#sealed.findLastIndex(({ first }) => first <= sequence);
    const sealed = this.#sealed[index];
    if (!sealed) return undefined;
    const next = this.#sealed[index + 1]?.first ?? this.#newest!.first;
    sealed.segment ??= openSealed(sealed, this.#options.name, next);
    sealed.segment.catch(() => {
      delete sealed.segment;
    });
    return sealed.segment;
  }

  async #makeDirectory(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // Each is an entry of the one above it. Those of an attempt that was cut short may be there, and not be on the disk yet.
    for (let depth = 0, path = directory; depth < DIRECTORY_DEPTH; depth++, path = dirname(path))
      await syncDirectory(dirname(path));
  }

  #write<T>(at: number, task: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      try {
        const result = await task();
        this.#problem = undefined;
        return result;
      } catch (error) {
        const known = diskError(error, 'write');
        const ofDisk = known !== error || error instanceof UnsureAppendError;
        if (ofDisk) this.#problem = { message: (known as Error).message, at };
        throw known;
      }
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => {});
    return result;
  }
}

async function openSealed({ path, first }: Sealed, name: string, next: Sequence): Promise<Segment> {
  const segment = await Segment.open(path, name, first, false).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new CorruptLogError(`the log's file ${path} is missing. ${RESTORE}`) : error;
  });
  if (segment?.last === next - 1) return segment;
  throw new CorruptLogError(`the log's file ${path} lacks entries before ${next}. ${RESTORE}`);
}
