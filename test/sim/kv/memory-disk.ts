import type { Cached, CopyFile } from '../../../agent/kv/cache-file.ts';
import type { LogEntry } from '../../../core/keyspace/log.ts';
import type { Machine } from './machine.ts';

/** How late what is written is there, ms. */
const BEHIND_MS = 20;
/** Small, so that snapshots are written, too. */
const JOURNAL_BYTES_MIN = 3_000;

/** A host's disk as its copy uses it: it outlives the process, without what was about to be written. */
export class MemoryDisk {
  #snapshot: { readonly sequence: number; readonly chunks: readonly Uint8Array[] } | undefined;
  #entries: LogEntry[] = [];

  /** For one process. Nothing that it writes arrives once it is dead. */
  open(machine: Machine): CopyFile {
    let queue: Promise<void> = Promise.resolve();
    const write = (action: () => void) => {
      queue = queue.then(async () => {
        await machine.timing.pause(BEHIND_MS * machine.timing.random());
        if (machine.alive) action();
      });
    };
    return {
      problem: undefined,
      load: async (): Promise<Cached | undefined> => {
        const snapshot = this.#snapshot;
        const first = (snapshot?.sequence ?? 0) + 1;
        const entries = this.#entries.filter(({ sequence }) => sequence >= first);
        if (!snapshot && entries.length === 0) return undefined;
        return { snapshot: snapshot && { sequence: snapshot.sequence, chunks: iterate(snapshot.chunks) }, entries };
      },
      append: (entry) => write(() => void this.#entries.push(entry)),
      isLong: (contentBytes) => {
        const bytes = this.#entries.reduce((sum, { body }) => sum + body.length, 0);
        return bytes > Math.max(JOURNAL_BYTES_MIN, contentBytes);
      },
      save: (sequence, chunks) => {
        const copied = [...chunks];
        write(() => {
          this.#snapshot = { sequence, chunks: copied };
          this.#entries = this.#entries.filter((entry) => entry.sequence > sequence);
        });
      },
      discard: () =>
        write(() => {
          this.#snapshot = undefined;
          this.#entries = [];
        }),
      written: () => queue,
      close: () => queue,
    };
  }
}

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
