import { CorruptLogError, TrimmedError } from './errors.ts';
import {
  type Appended,
  assertHeadTrusted,
  type Log,
  type LogEntry,
  type ReadOptions,
  RETENTION_MS,
  type StoredSnapshot,
  type Tail,
} from './log.ts';
import type { Sequence } from './types.ts';

/** A log in memory, with the rules of the real one: several replicas may share it. `now` is asked for ages. */
export class MemoryLog implements Log {
  readonly #entries = new Map<Sequence, { readonly body: Uint8Array; readonly at: number }>();
  readonly #listeners = new Set<() => void>();
  readonly #now: () => number;
  #snapshot: { readonly sequence: Sequence; readonly chunks: readonly Uint8Array[] } | undefined;
  #last: Sequence = 0;
  #first: Sequence = 1;

  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  async read(after: Sequence, { verify }: ReadOptions): Promise<Tail> {
    if (verify && after + 1 < this.#first) throw new TrimmedError(after);
    const entries: LogEntry[] = [];
    for (let sequence = after + 1; ; sequence++) {
      const entry = this.#entries.get(sequence);
      if (!entry) break;
      entries.push({ sequence, body: entry.body });
    }
    return { entries, more: false };
  }

  async append({ sequence, body }: LogEntry, headVerifiedAt: number): Promise<Appended> {
    assertHeadTrusted(this.#now(), headVerifiedAt);
    const winner = this.#entries.get(sequence);
    if (winner) return { won: false, winner: winner.body };
    if (sequence !== this.#last + 1) throw new CorruptLogError(`entry ${sequence} forks the log, whose head is ${this.#last}`);
    this.#entries.set(sequence, { body: body.slice(), at: this.#now() });
    this.#last = sequence;
    for (const listener of this.#listeners) listener();
    return { won: true };
  }

  async snapshotSequence(): Promise<Sequence> {
    return this.#snapshot?.sequence ?? 0;
  }

  async loadSnapshot(): Promise<StoredSnapshot | undefined> {
    const snapshot = this.#snapshot;
    if (!snapshot) return undefined;
    const chunks = async function* () {
      yield* snapshot.chunks;
    };
    return { sequence: snapshot.sequence, chunks: chunks() };
  }

  async saveSnapshot(sequence: Sequence, chunks: Iterable<Uint8Array>): Promise<void> {
    const copy = Array.from(chunks, (chunk) => chunk.slice());
    if (sequence <= (this.#snapshot?.sequence ?? 0)) return;
    this.#snapshot = { sequence, chunks: copy };
    for (; this.#first < sequence && this.#entries.get(this.#first)!.at < this.#now() - RETENTION_MS; this.#first++) {
      this.#entries.delete(this.#first);
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
