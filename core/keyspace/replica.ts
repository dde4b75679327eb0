import { decodeEntry, type Entry } from './entry.ts';
import { ClosedError, CorruptLogError, TrimmedError } from './errors.ts';
import { headIsTrusted, type Log, type LogEntry } from './log.ts';
import { sharedCall } from './shared-call.ts';
import { decodeSnapshot, type PartialReplica } from './snapshot.ts';
import { KeyspaceState } from './state.ts';
import type { Timing } from './timing.ts';

/** The reading half of a keyspace: a state that follows its log. */
export class Replica {
  readonly #log: Log;
  readonly #timing: Timing;
  readonly #appliedListeners = new Set<(entry: Entry, body: Uint8Array) => void>();
  readonly #advancedListeners = new Set<() => void>();
  readonly #partial: PartialReplica;
  #state: KeyspaceState;
  /** How often the state was loaded anew instead of led on: whoever waits for an entry can have missed it. */
  #loads = 0;
  #headVerifiedAt = Number.NEGATIVE_INFINITY;
  #failure: Error | undefined;
  #expectNews = false;
  readonly #shared = sharedCall(() => this.#catchUp());

  /** A partial replica can only be read. */
  constructor(log: Log, timing: Timing, partial: PartialReplica = {}) {
    this.#log = log;
    this.#timing = timing;
    this.#partial = partial;
    const { keep, readOnly } = partial;
    this.#state = new KeyspaceState({ sequence: 0, revision: 1, compactRevision: 0, keep, readOnly });
  }

  get state(): KeyspaceState {
    this.assertUsable();
    return this.#state;
  }

  get loads(): number {
    return this.#loads;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** When the state was last known to be the log's head, ms since the epoch. */
  get headVerifiedAt(): number {
    return this.#headVerifiedAt;
  }

  /** Calls back for each entry applied, in order, with the bytes that it was read from or written as (entry.ts). */
  onApplied(listener: (entry: Entry, body: Uint8Array) => void): void {
    this.#appliedListeners.add(listener);
  }

  /** Calls back whenever there is something new to see, and once more when it fails or closes. Returns how to stop that. */
  onAdvanced(listener: () => void): () => void {
    this.#advancedListeners.add(listener);
    return () => this.#advancedListeners.delete(listener);
  }

  /** Loads the newest snapshot and reads the log's tail. */
  async open(): Promise<void> {
    await this.#load({ mayBeMissing: true });
    await this.sync();
  }

  /** Resolves when everything that was acknowledged before the call is applied. Concurrent calls share reads. */
  sync(options: { expectNews?: boolean } = {}): Promise<void> {
    if (options.expectNews) this.#expectNews = true;
    return this.#shared();
  }

  /** True if an append may rely on the head as it was last verified. */
  headIsFresh(): boolean {
    return headIsTrusted(this.#timing.now(), this.#headVerifiedAt);
  }

  /** Applies what is new among entries that follow each other. */
  ingest(entries: readonly LogEntry[]): void {
    this.assertUsable();
    const before = this.#state.sequence;
    try {
      for (const { sequence, body } of entries) {
        if (sequence <= this.#state.sequence) continue;
        const entry = decodeEntry(sequence, body);
        this.#state.apply(entry);
        for (const listener of this.#appliedListeners) listener(entry, body);
      }
    } catch (error) {
      throw this.fail(error);
    }
    if (this.#state.sequence !== before) this.#announce();
  }

  /** Applies an entry of our own that has just landed: `startedAt` is when its append was sent. */
  landed(entry: Entry, body: Uint8Array, startedAt: number): void {
    this.assertUsable();
    if (entry.sequence !== this.#state.sequence + 1) return;
    try {
      this.#state.apply(entry);
    } catch (error) {
      throw this.fail(error);
    }
    this.#headVerifiedAt = startedAt;
    for (const listener of this.#appliedListeners) listener(entry, body);
    this.#announce();
  }

  /** From now on every use throws this. Half-applied or damaged state must not be read. */
  fail(error: unknown): Error {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#announce();
    return this.#failure;
  }

  close(): void {
    this.fail(new ClosedError());
  }

  assertUsable(): void {
    if (this.#failure) throw this.#failure;
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      this.assertUsable();
      const startedAt = this.#timing.now();
      const verify = !this.headIsFresh();
      const expectNews = this.#expectNews;
      this.#expectNews = false;
      try {
        const tail = await this.#log.read(this.#state.sequence, { verify, expectNews });
        this.ingest(tail.entries);
        if (tail.more) {
          this.#expectNews = true;
          continue;
        }
        this.#headVerifiedAt = startedAt;
        return;
      } catch (error) {
        if (error instanceof CorruptLogError) throw this.fail(error);
        if (!(error instanceof TrimmedError)) throw error;
        await this.#load({ mayBeMissing: false });
      }
    }
  }

  async #load({ mayBeMissing }: { mayBeMissing: boolean }): Promise<void> {
    const stored = await this.#log.loadSnapshot();
    if (!stored && mayBeMissing) return;
    // A copy of an empty log is at its beginning, where a state that was never loaded is too: that is no gap.
    if (!stored || (stored.sequence <= this.#state.sequence && !mayBeMissing)) {
      throw this.fail(
        new CorruptLogError(
          `the log goes on after ${this.#state.sequence} with a gap that no snapshot covers: restore it from a backup`,
        ),
      );
    }
    try {
      this.#state = await decodeSnapshot(stored.sequence, stored.chunks, this.#partial);
    } catch (error) {
      throw error instanceof CorruptLogError ? this.fail(error) : error;
    }
    this.#loads++;
    this.#headVerifiedAt = Number.NEGATIVE_INFINITY;
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#advancedListeners) listener();
  }
}
