import type { LogEntry } from './log.ts';
import { Queue } from './queue.ts';
import type { Replica } from './replica.ts';
import type { Sequence } from './types.ts';

/** The newest entries of a log, kept in memory for those who follow closely: they need not be read again. */
export class RecentEntries {
  readonly #bytesMax: number;
  readonly #entries = new Queue<LogEntry>();
  #bytes = 0;

  constructor(replica: Replica, bytesMax: number) {
    this.#bytesMax = bytesMax;
    replica.onApplied(({ sequence }, body) => this.#add({ sequence, body }));
  }

  /** All entries after `after`; undefined if that isn't known here. */
  after(after: Sequence): readonly LogEntry[] | undefined {
    const first = this.#entries.first?.sequence;
    if (first === undefined || after + 1 < first) return undefined;
    return this.#entries.from(after + 1 - first);
  }

  #add(entry: LogEntry): void {
    const { last } = this.#entries;
    if (last && last.sequence + 1 !== entry.sequence) {
      this.#entries.clear();
      this.#bytes = 0;
    }
    this.#entries.push(entry);
    this.#bytes += entry.body.length;
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#entries.shift()!.body.length;
  }
}
