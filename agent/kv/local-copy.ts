import { ClosedError, CorruptLogError } from '../../core/keyspace/errors.ts';
import type { Log, LogEntry } from '../../core/keyspace/log.ts';
import { assembleKeyspace, type OpenKeyspace } from '../../core/keyspace/open.ts';
import { Replica } from '../../core/keyspace/replica.ts';
import { encodeSnapshot } from '../../core/keyspace/snapshot.ts';
import type { KeyspaceState } from '../../core/keyspace/state.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import type { Cached, CopyFile } from './cache-file.ts';
import { CopySource } from './copy-source.ts';
import { DamagedFileError } from './frames.ts';
import type { KeyChoice } from './key-choice.ts';

export interface LocalCopyOptions {
  readonly remote: Log;
  readonly file: CopyFile;
  readonly timing: Timing;
  readonly log: Logger;
  readonly keys: KeyChoice;
  /** About how much memory the copy may take, bytes. */
  readonly bytesMax: number;
}

/** The keys that were chosen take more memory than allowed: they are not kept, reads go through to the control plane. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** After that long it is looked again whether the keys have become few enough, ms. */
const TOO_LARGE_FOR_MS = 10 * 60_000;

/**
 * When the copy is full, the oldest of its past is forgotten until it takes that part of what it may; but so many of the newest revisions stay,
 * where there is room, for watches that are about to be told of them.
 */
const PAST = { fill: 7 / 8, revisions: 1_000 };

/** A replica of the log on this host, together with the files it is kept in. */
interface Copy {
  readonly replica: Replica;
  readonly keyspace: OpenKeyspace;
}

/**
 * This host's copy of the key-value store: the same replica as everywhere, fed by the control plane, kept on disk, and opened from
 * there when the host starts, whether the control plane can be reached or not.
 */
export class LocalCopy {
  readonly #options: LocalCopyOptions;
  #copy: Copy | undefined;
  #opening: Promise<Copy> | undefined;
  #tooLarge: { readonly at: number; readonly error: TooLargeError } | undefined;
  #closed = false;
  /** What was wrong with the files, in the agent's words. */
  #damage: string | undefined;

  constructor(options: LocalCopyOptions) {
    this.#options = options;
  }

  /** The copy as it is in memory, if there is one. */
  get keyspace(): OpenKeyspace | undefined {
    return this.#usable()?.keyspace;
  }

  /** Why nothing is kept; undefined: it is, or will be. */
  get tooLarge(): string | undefined {
    return this.#tooLarge?.error.message;
  }

  get damage(): string | undefined {
    return this.#damage;
  }

  /** Why it can't be written to disk. */
  get diskProblem(): string | undefined {
    return this.#options.file.problem;
  }

  /** What was kept on disk, if anything was. Call it once, before everything else. */
  async restore(): Promise<void> {
    const { file, log } = this.#options;
    try {
      const cached = await file.load();
      if (!cached) return;
      this.#copy = await this.#openFrom(cached);
      const { revision } = this.#copy.keyspace.view();
      log.info('key-value store: the copy on disk is in use', { revision });
    } catch (error) {
      if (error instanceof TooLargeError) this.#giveUp(error);
      else this.#discardDamaged(error);
    }
  }

  /** The copy, read from the control plane if need be. Throws TooLargeError, or what kept it from being read. */
  async open(): Promise<OpenKeyspace> {
    return (await this.#openCopy()).keyspace;
  }

  /** An entry that was handed to us: true if it was what comes next, or is old. */
  take(entry: LogEntry): boolean {
    const copy = this.#usable();
    if (!copy) return false;
    const { sequence } = copy.replica.state;
    if (entry.sequence <= sequence) return true;
    if (entry.sequence > sequence + 1) return false;
    try {
      copy.replica.ingest([entry]);
      return true;
    } catch {
      return this.#usable() !== undefined;
    }
  }

  /** The last entry that the copy has seen; undefined: there is no copy. */
  get sequence(): number | undefined {
    return this.#usable()?.replica.state.sequence;
  }

  /** That the copy is at; undefined: there is no copy. */
  get revision(): number | undefined {
    return this.#usable()?.replica.state.revision;
  }

  /** Throws what keeps the control plane from being asked, or TooLargeError. */
  async sync(): Promise<OpenKeyspace> {
    const { replica, keyspace } = await this.#openCopy();
    await replica.sync();
    return keyspace;
  }

  /** There may be something new. */
  async catchUp(): Promise<void> {
    const { replica } = await this.#openCopy();
    await replica.sync({ expectNews: true });
  }

  /** Resolves when all that was seen so far is on disk. */
  written(): Promise<void> {
    return this.#options.file.written();
  }

  /** Forgets everything, on disk too. */
  async discard(): Promise<void> {
    this.#closed = true;
    this.#options.file.discard();
    this.#copy?.replica.close();
    await this.#options.file.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const copy = this.#usable();
    this.#closed = true;
    if (copy) this.#save(copy.replica.state);
    copy?.replica.close();
    await this.#options.file.close();
  }

  async #openCopy(): Promise<Copy> {
    if (this.#closed) throw new ClosedError();
    const copy = this.#usable();
    if (copy) return copy;
    if (this.#tooLarge) {
      if (this.#options.timing.now() - this.#tooLarge.at < TOO_LARGE_FOR_MS) throw this.#tooLarge.error;
      this.#tooLarge = undefined;
    }
    this.#opening ??= this.#load().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #load(): Promise<Copy> {
    try {
      const copy = await this.#openFrom(undefined);
      if (this.#closed) throw new ClosedError();
      this.#copy = copy;
      this.#save(copy.replica.state);
      const { revision } = copy.keyspace.view();
      this.#options.log.info('key-value store: loaded from the control plane', { revision, bytes: copy.keyspace.bytes });
      return copy;
    } catch (error) {
      if (error instanceof TooLargeError) this.#giveUp(error);
      throw error;
    }
  }

  /** `cached`: from disk, without asking anybody; undefined: from the control plane. */
  async #openFrom(cached: Cached | undefined): Promise<Copy> {
    const { file, timing, log, keys } = this.#options;
    const source = new CopySource(this.#options.remote, cached);
    const replica = new Replica(source, timing, { keep: keys.keep, readOnly: true, admit: (state) => this.#admit(state) });
    await replica.open();
    source.startsFromRemote();
    this.#admit(replica.state);
    replica.onApplied(({ sequence }, body) => {
      this.#admit(replica.state);
      file.append({ sequence, body });
      if (file.isLong(replica.state.contentBytes)) this.#save(replica.state);
    });
    const onError = (error: unknown) => log.warn('key-value store: upkeep of the copy failed', { problem: messageOf(error) });
    const keyspace = assembleKeyspace(source, replica, { writerId: 'host', timing, onError });
    return { replica, keyspace };
  }

  /** What is unusable is dropped, so that the next one to ask gets a new one. */
  #usable(): Copy | undefined {
    const failure = this.#copy?.replica.failure;
    if (!failure || this.#closed) return failure ? undefined : this.#copy;
    this.#copy = undefined;
    if (failure instanceof TooLargeError) this.#giveUp(failure);
    else if (!(failure instanceof ClosedError)) this.#discardDamaged(failure);
    return undefined;
  }

  /** What doesn't fit is the past's first. */
  #admit(state: KeyspaceState): void {
    const { bytesMax, keys } = this.#options;
    if (state.bytes <= bytesMax) return;
    state.forgetOldest({ bytes: bytesMax * PAST.fill, revisions: PAST.revisions });
    if (state.bytes > bytesMax) state.forgetOldest({ bytes: bytesMax, revisions: 0 });
    if (state.bytes <= bytesMax) return;
    const what = keys.all ? 'the key-value store takes' : `the keys below ${keys.prefixes.join(', ')} take`;
    throw new TooLargeError(
      `${what} more than ${Math.floor(bytesMax / 1_000_000)} MB: this host keeps no copy; choose fewer keys (--kv-prefix) or more memory (--kv-cache-mb)`,
    );
  }

  #giveUp(error: TooLargeError): void {
    this.#tooLarge = { at: this.#options.timing.now(), error };
    this.#options.file.discard();
    this.#options.log.warn(`key-value store: ${error.message}. Reads are answered by the control plane`);
  }

  #discardDamaged(error: unknown): void {
    const { log, file } = this.#options;
    const damaged = error instanceof DamagedFileError || error instanceof CorruptLogError;
    const problem = messageOf(error);
    this.#damage = problem;
    log.warn(
      damaged
        ? 'key-value store: the copy on this host is damaged; it is thrown away and loaded again'
        : "key-value store: the copy on this host can't be used; it is loaded again",
      { problem },
    );
    file.discard();
  }

  #save(state: KeyspaceState): void {
    this.#options.file.save(state.sequence, encodeSnapshot(state, { pinned: true }));
  }
}
