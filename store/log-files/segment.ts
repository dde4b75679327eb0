import { close, constants, fdatasync, ftruncate, open, writev } from 'node:fs';
import { type FileHandle, open as openHandle, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CorruptLogError } from '../../core/keyspace/errors.ts';
import type { LogEntry } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import { FRAME_HEAD_BYTES, frameAt, frameHead, tailAt } from './frames.ts';

const MAGIC = Buffer.from('TRNLOG1\n', 'latin1');

/** Files grow by as much as they have, within these limits, so that most appends only overwrite zeros: no metadata has to be written then. */
const GROWTH_BYTES = { min: 16_384, max: 1_048_576 };

/** An append failed, and what it may have left in the file could not be taken away: whether it landed isn't known. */
export class UnsureAppendError extends Error {
  override readonly name = 'UnsureAppendError';

  /** `truncating`: why it could not be taken away. The message is shown to everybody, the cause only to the operator. */
  constructor(truncating: unknown, cause: Error) {
    const code = (truncating as NodeJS.ErrnoException).code ?? 'unknown error';
    super(
      `the disk that holds the data directory could not be written to, and what was begun could not be taken back (${code}). See what the system says of it (dmesg), and mend it, or restore the data directory from a backup to another one`,
      { cause },
    );
  }
}

/** `damaged` says what, and what to do. */
const damaged = (path: string, what: string) =>
  new CorruptLogError(`the log's file ${path} is damaged: ${what}. Restore the data directory from a backup`);

/** A file of consecutive entries of one log: its beginning says which log, then come the entries (frames.ts), then zeros. */
export class Segment {
  readonly path: string;
  readonly first: Sequence;
  /** Where each entry begins. */
  readonly #offsets: number[];
  #lastAt: number;
  #end: number;
  /** So far the file goes: zeros behind `#end`. */
  #fileEnd: number;
  #descriptor: number | undefined;
  /** Zeros are being written behind `#fileEnd`. Nothing else is done to the file's end meanwhile. */
  #growing: Promise<void> | undefined;
  #unsure = false;

  private constructor(path: string, first: Sequence, index: Index, fileEnd: number) {
    this.path = path;
    this.first = first;
    this.#offsets = index.offsets;
    this.#lastAt = index.lastAt;
    this.#end = index.end;
    this.#fileEnd = fileEnd;
  }

  /** `log`: the name of the log, which no other has. Durable when it resolves. */
  static async create(directory: string, log: string, first: Sequence, at: number): Promise<Segment> {
    const path = join(directory, fileName(first));
    const body = Buffer.from(log, 'utf8');
    const beginning = Buffer.concat([MAGIC, frameHead({ sequence: first - 1, body }, at), body]);
    // What is there already is what is left of an attempt that failed.
    const file = await openHandle(path, 'w', 0o600);
    try {
      await file.writeFile(beginning);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(directory);
    return new Segment(path, first, { offsets: [], lastAt: at, end: beginning.length }, beginning.length);
  }

  /**
   * `newest`: the last write may have been cut short, and is taken away then. Undefined: not even the beginning was written. Throws
   * CorruptLogError.
   */
  static async open(path: string, log: string, first: Sequence, newest: boolean): Promise<Segment | undefined> {
    const bytes = await readFile(path);
    const index = indexOf(bytes, path, log, first, newest);
    if (!index) return undefined;
    const segment = new Segment(path, first, index, bytes.length);
    // Whatever follows is overwritten by zeros first.
    if (newest && index.torn) segment.#unsure = true;
    return segment;
  }

  /** The last entry; `first` - 1 if there is none. */
  get last(): Sequence {
    return this.first - 1 + this.#offsets.length;
  }

  get lastAt(): number {
    return this.#lastAt;
  }

  get bytes(): number {
    return this.#end;
  }

  /** It holds a descriptor. */
  get isOpen(): boolean {
    return this.#descriptor !== undefined;
  }

  /**
   * Appends the entry after the last one; it is on the disk when this resolves. If this throws, it isn't in the file, unless it is UnsureAppendError:
   * then the same entry may be appended again, or the file opened anew.
   */
  async append(entry: LogEntry, at: number): Promise<void> {
    this.#descriptor ??= await openFile(this.path, constants.O_RDWR | constants.O_DSYNC);
    if (this.#unsure) await this.#takeBack(new Error('the last write of the file was cut short'));
    const head = frameHead(entry, at);
    const end = this.#end + FRAME_HEAD_BYTES + entry.body.length;
    try {
      if (end > this.#fileEnd) await this.#growing;
      if (end > this.#fileEnd) await this.#grow(end);
      await writeAll(this.#descriptor, [head, entry.body], this.#end);
    } catch (error) {
      await this.#takeBack(error);
      throw error;
    }
    this.#offsets.push(this.#end);
    this.#lastAt = at;
    this.#end = end;
    this.#growAhead();
  }

  /** Entries after `after`, which is in the file or right before it: about `bytesMax`, one at least. */
  async read(after: Sequence, bytesMax: number): Promise<LogEntry[]> {
    const from = after + 1 - this.first;
    const offsets = this.#offsets.slice(from);
    if (offsets.length === 0) return [];
    const beyond = offsets.findIndex((offset) => offset - offsets[0]! > bytesMax);
    const count = beyond < 0 ? offsets.length : beyond;
    const start = offsets[0]!;
    const end = this.#offsets[from + count] ?? this.#end;
    const bytes = Buffer.allocUnsafeSlow(end - start);
    const file = await openHandle(this.path, 'r');
    try {
      await readAll(file, bytes, start);
    } finally {
      await file.close();
    }
    return offsets.slice(0, count).map((offset, index) => {
      const frame = frameAt(bytes, offset - start);
      const sequence = after + 1 + index;
      if (frame?.sequence !== sequence) throw damaged(this.path, `entry ${sequence} can not be read`);
      // Memory of its own: others would keep all that was read with it.
      return { sequence, body: new Uint8Array(bytes.subarray(frame.bodyAt, frame.end)) };
    });
  }

  /** Gives the descriptor back; the next append opens the file again. */
  async close(): Promise<void> {
    await this.#growing;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) await closeFile(descriptor);
  }

  /** Nothing more is going to be appended. */
  async seal(): Promise<void> {
    this.#descriptor ??= await openFile(this.path, constants.O_RDWR | constants.O_DSYNC);
    await this.#takeBack(new Error('the last write of the file was cut short'));
    await this.close();
  }

  get #growth(): number {
    return Math.min(Math.max(this.#fileEnd, GROWTH_BYTES.min), GROWTH_BYTES.max);
  }

  /** Beside the appends, before one needs it: each would wait for several milliseconds, and everybody behind it. */
  #growAhead(): void {
    if (this.#growing || this.#fileEnd - this.#end > this.#growth / 2) return;
    this.#growing = this.#grow(this.#end)
      // The append that needs the room tries again, and says what is wrong.
      .catch(() => {})
      .finally(() => {
        this.#growing = undefined;
      });
  }

  async #grow(needed: number): Promise<void> {
    const to = Math.max(needed, this.#fileEnd + this.#growth);
    await writeAll(this.#descriptor!, [Buffer.alloc(to - this.#fileEnd)], this.#fileEnd);
    this.#fileEnd = to;
  }

  /** Cuts off what isn't an entry that was acknowledged. */
  async #takeBack(cause: unknown): Promise<void> {
    this.#unsure = true;
    // Zeros that arrived after it could fall on what is appended later.
    await this.#growing;
    try {
      await truncate(this.#descriptor!, this.#end);
      await sync(this.#descriptor!);
    } catch (error) {
      throw new UnsureAppendError(error, new Error(`after a write of ${this.path} failed`, { cause }));
    }
    this.#fileEnd = this.#end;
    this.#unsure = false;
  }
}

interface Index {
  readonly offsets: number[];
  readonly end: number;
  readonly lastAt: number;
  readonly torn?: boolean;
}

function indexOf(bytes: Buffer, path: string, log: string, first: Sequence, newest: boolean): Index | undefined {
  const beginning = bytes.subarray(0, MAGIC.length).equals(MAGIC) ? frameAt(bytes, MAGIC.length) : undefined;
  if (!beginning) {
    // It is synced before anything else is written.
    if (newest && tailAt(bytes, 0, first - 1) !== 'damaged') return undefined;
    throw damaged(path, 'its beginning can not be read');
  }
  const name = bytes.toString('utf8', beginning.bodyAt, beginning.end);
  if (name !== log || beginning.sequence !== first - 1) {
    throw damaged(path, `it belongs to ${name} from entry ${beginning.sequence + 1} on`);
  }
  const offsets: number[] = [];
  let { end, at: lastAt } = beginning;
  for (;;) {
    const frame = frameAt(bytes, end);
    if (!frame) break;
    if (frame.sequence !== first + offsets.length) throw damaged(path, `entry ${frame.sequence} is out of order`);
    offsets.push(end);
    end = frame.end;
    lastAt = frame.at;
  }
  const tail = tailAt(bytes, end, first + offsets.length);
  if (tail === 'damaged' || (tail === 'torn' && !newest)) throw damaged(path, `entry ${first + offsets.length} can not be read`);
  return { offsets, end, lastAt, torn: tail === 'torn' };
}

const NAME = /^(\d{16})\.log$/;

function fileName(first: Sequence): string {
  return `${String(first).padStart(16, '0')}.log`;
}

/** The first entry of the segment in a file of that name; undefined: it isn't one. */
export function firstOf(name: string): Sequence | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await openHandle(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const openFile = promisify(open) as (path: string, flags: number) => Promise<number>;
const closeFile = promisify(close);
const truncate = promisify(ftruncate);
const sync = promisify(fdatasync);

function writeAll(descriptor: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    writev(descriptor, buffers as Uint8Array[], position, (error, written) => {
      if (error) return reject(error);
      const rest = after(buffers, written);
      // Less than all: the reason comes with the next try.
      if (rest.length === 0) resolve();
      else if (written === 0) reject(new Error('nothing could be written'));
      else writeAll(descriptor, rest, position + written).then(resolve, reject);
    });
  });
}

function after(buffers: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = written;
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}

async function readAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) throw new CorruptLogError('a log file became shorter while it was read');
    at += bytesRead;
  }
}
