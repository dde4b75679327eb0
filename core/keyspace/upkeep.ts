import { CompactedError } from './errors.ts';
import type { Log } from './log.ts';
import type { Replica } from './replica.ts';
import { encodeSnapshot } from './snapshot.ts';
import type { Sequence } from './types.ts';
import type { Writer } from './writer.ts';

/** What an entry costs to write and to read, at least, bytes: stores charge whole kilobytes. */
const ENTRY_COST_MIN = 1_000;

export interface UpkeepOptions {
  readonly log: Log;
  readonly replica: Replica;
  readonly writer: Writer;
  /** A snapshot is due when the log since the last one costs as much as the state is large, and at least this much, bytes. */
  readonly snapshotAfterBytes: number;
  /** Compact when twice as many revisions can be read; undefined: only when asked to. */
  readonly keepRevisions: number | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Writes snapshots and compacts from time to time, so that starting stays short, memory bounded, and the log can be trimmed. As
 * a snapshot is due only when the log has grown by the size of the state, snapshots cost no more than the commits themselves, and
 * a start reads no more than about twice the state.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  /** Of the log since #covered. */
  #cost = 0;
  #covered: Sequence;
  #running: Promise<void> | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#covered = options.replica.state.sequence;
    options.replica.onApplied((_, body) => {
      this.#cost += Math.max(body.length, ENTRY_COST_MIN);
    });
  }

  /** Called after commits of our own: does in the background what is due. */
  consider(): void {
    if (this.#running) return;
    const work = this.#due();
    if (!work) return;
    this.#running = work()
      .catch(this.#options.onError)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Writes a snapshot of the state as it is now, unless there is one. */
  async snapshot(): Promise<void> {
    const { log, replica } = this.#options;
    const covered = await log.snapshotSequence();
    const { state } = replica;
    const { sequence } = state;
    if (sequence <= covered) return;
    try {
      await log.saveSnapshot(sequence, encodeSnapshot(state));
    } catch (error) {
      // Compacted while it was being written: the next commit tries again.
      if (error instanceof CompactedError) return;
      throw error;
    }
    this.#coveredTo(sequence);
  }

  #due(): (() => Promise<void>) | undefined {
    const { replica, writer, keepRevisions } = this.#options;
    if (this.#snapshotIsDue()) {
      return async () => {
        // Another replica may have been faster.
        this.#coveredTo(await this.#options.log.snapshotSequence());
        if (this.#snapshotIsDue()) await this.snapshot();
      };
    }
    if (keepRevisions === undefined || replica.state.history.length <= keepRevisions * 2) return undefined;
    return async () => {
      await writer.submit((txn) => {
        const target = txn.revision - keepRevisions;
        if (target > replica.state.compactRevision) txn.compact(target);
      });
    };
  }

  #snapshotIsDue(): boolean {
    return this.#cost >= Math.max(this.#options.snapshotAfterBytes, this.#options.replica.state.contentBytes);
  }

  /** Assumes that the entries cost the same, which is near enough. */
  #coveredTo(sequence: Sequence): void {
    if (sequence <= this.#covered) return;
    const head = this.#options.replica.state.sequence;
    this.#cost *= head > this.#covered ? (head - sequence) / (head - this.#covered) : 0;
    this.#covered = sequence;
  }
}
