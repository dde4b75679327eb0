import type { Log, LogEntry, Tail } from '../../core/keyspace/log.ts';
import type { Cached } from './cache-file.ts';

/** The log as the replica reads it: at first what was on disk, then the control plane's. */
export class CopySource implements Log {
  readonly #remote: Log;
  #cached: (Pick<Cached, 'snapshot'> & { readonly entries: AsyncIterator<LogEntry> }) | undefined;
  /** Nothing is known of the log's head until it was read once after starting from disk. */
  #mustVerify = false;

  constructor(remote: Log, cached: Cached | undefined) {
    this.#remote = remote;
    this.#cached = cached && { snapshot: cached.snapshot, entries: inTurn(cached.entries) };
  }

  startsFromRemote(): void {
    this.#mustVerify = this.#cached !== undefined;
    this.#cached = undefined;
  }

  async read(after: number, options: { verify: boolean; expectNews?: boolean }) {
    if (this.#cached) return nextPage(this.#cached.entries, after);
    const tail = await this.#remote.read(after, { ...options, verify: options.verify || this.#mustVerify });
    this.#mustVerify = false;
    return tail;
  }

  loadSnapshot() {
    return this.#cached ? Promise.resolve(this.#cached.snapshot) : this.#remote.loadSnapshot();
  }

  append: Log['append'] = (...entry) => this.#remote.append(...entry);
  snapshotSequence: Log['snapshotSequence'] = () => this.#remote.snapshotSequence();
  saveSnapshot: Log['saveSnapshot'] = (...snapshot) => this.#remote.saveSnapshot(...snapshot);
}

/** Of entries on disk that are in memory at once, about. */
const PAGE_BYTES = 1_000_000;

async function nextPage(all: AsyncIterator<LogEntry>, after: number): Promise<Tail> {
  const entries: LogEntry[] = [];
  for (let bytes = 0; bytes < PAGE_BYTES; ) {
    const { done, value } = await all.next();
    if (done) return { entries, more: false };
    if (value.sequence > after) entries.push(value);
    bytes += value.body.length;
  }
  return { entries, more: true };
}

async function* inTurn<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void> {
  yield* items;
}
