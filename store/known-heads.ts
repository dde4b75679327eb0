import type { Sequence } from '../core/keyspace/types.ts';

/**
 * The last entries of logs, for a process that is the only one to append to them: it knows them from its own appends and reads, and need not
 * ask the store whether there is something new. An entry that is under way is not the head yet: nobody was told of it. What became
 * of an append that failed isn't known until another one is answered, so meanwhile nothing is.
 */
export class KnownHeads {
  readonly #heads = new Map<string, Sequence>();
  readonly #unsure = new Set<string>();

  /** True: nothing follows `after`. False: the store has to be asked. */
  isHead(log: string, after: Sequence): boolean {
    return !this.#unsure.has(log) && this.#heads.get(log) === after;
  }

  /** Read or appended: the log went to here, and no further a moment ago. Call it before anybody is told of the entries. */
  seen(log: string, sequence: Sequence): void {
    if (sequence > (this.#heads.get(log) ?? -1)) this.#heads.set(log, sequence);
  }

  /** An append was answered: `won` or not, the log's place `sequence` is taken now, and what had been unsure is decided. */
  answered(log: string, sequence: Sequence): void {
    this.#unsure.delete(log);
    this.seen(log, sequence);
  }

  /** An append failed: it may have landed, or may land yet. */
  failed(log: string): void {
    this.#unsure.add(log);
  }
}
