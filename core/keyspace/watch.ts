import { Bell } from './bell.ts';
import { CompactedError } from './errors.ts';
import type { Replica } from './replica.ts';
import type { Key, Revision, RevisionEvents } from './types.ts';

/**
 * Streams what happened in a range from `since` on. It reads the replica's history at the pace of its consumer, so that a slow
 * consumer costs no memory; one that falls behind the compaction gets CompactedError. Throws when the replica fails or closes.
 */
export async function* watchRange(
  replica: Replica,
  range: { readonly from: Key; readonly to: Key },
  since: Revision,
  signal: AbortSignal,
): AsyncGenerator<RevisionEvents, void, undefined> {
  let next = since;
  const bell = new Bell();
  const stopListening = replica.onAdvanced(() => bell.ring());
  const onAbort = () => bell.ring();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      const { state } = replica;
      if (next < state.compactRevision) throw new CompactedError(state.compactRevision);
      if (next < state.history.first) next = state.history.first;
      if (next > state.revision) {
        await bell.rung();
        continue;
      }
      const step = state.history.at(next)!;
      next++;
      const events = step.events.filter(({ kv }) => kv.key >= range.from && kv.key < range.to);
      // A revision of which nothing is kept here is told as such: whoever follows all of them knows then how far it has come.
      if (events.length === 0 && step.events.length > 0) continue;
      yield events.length === step.events.length ? step : { revision: step.revision, events };
    }
  } finally {
    stopListening();
    signal.removeEventListener('abort', onAbort);
  }
}
