import { decodeEntry } from './entry.ts';
import { FutureRevisionError } from './errors.ts';
import type { Log } from './log.ts';
import { decodeSnapshot } from './snapshot.ts';
import { KeyspaceState } from './state.ts';
import type { Sequence } from './types.ts';

/**
 * A log's state after the commit `sequence`, read from `base` on, or from the newest snapshot if that is old enough, or from the log's
 * beginning. Throws TrimmedError if entries on the way are gone, CorruptLogError if `base` is of another log.
 */
export async function stateAt(log: Log, sequence: Sequence, base?: KeyspaceState): Promise<KeyspaceState> {
  const state = base ?? (await stored(log, sequence)) ?? new KeyspaceState();
  while (state.sequence < sequence) {
    const { entries } = await log.read(state.sequence, { verify: true, expectNews: true });
    if (entries.length === 0) throw new FutureRevisionError(sequence, state.sequence);
    for (const { sequence: at, body } of entries) if (at <= sequence) state.apply(decodeEntry(at, body));
  }
  return state;
}

async function stored(log: Log, sequence: Sequence): Promise<KeyspaceState | undefined> {
  if ((await log.snapshotSequence()) > sequence) return undefined;
  const snapshot = await log.loadSnapshot();
  return snapshot && snapshot.sequence <= sequence ? decodeSnapshot(snapshot.sequence, snapshot.chunks) : undefined;
}
