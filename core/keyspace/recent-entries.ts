import type { LogEntry } from './log.ts';
import type { Replica } from './replica.ts';
import type { Sequence } from './types.ts';

/** The newest entries of a log, kept in memory for those who follow closely: they need not be read again. */
export class RecentEntries {
  readonly #bytesMax: number;
  #entries: LogEntry[] = [];
  #bytes = 0;

  constructor(replica: Replica, bytesMax: number) {
    this.#bytesMax = bytesMax;
    replica.onApplied(({ sequence }, body) => this.#add({ sequence, body }));
  }

  /** All entries after `after`; undefined if that isn't known here. */
  after(after: Sequence): readonly LogEntry[] | undefined {
    const first = this.#entries[0]?.sequence;
    if (first === undefined || after + 1 < first) return undefined;
    return this.#entries.slice(after + 1 - first);
  }

  #add(entry: LogEntry): void {
    const last = this.#entries.at(-1);
    if (last && last.sequence + 1 !== entry.sequence) this.#clear();
    this.#entries.push(entry);
    this.#bytes += entry.body.length;
    let dropped = 0;
    while (this.#bytes > this.#bytesMax && dropped < this.#entries.length) this.#bytes -= this.#entries[dropped++]!.body.length;
    if (dropped > 0) this.#entries = this.#entries.slice(dropped);
  }

  #clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }
}
