import type { KeyspaceState } from '../state.ts';
import type { Revision, RevisionEvents } from '../types.ts';

/** What happened at each revision from `from` on that is still known. */
export function eventsSince({ history, revision }: KeyspaceState, from: Revision): RevisionEvents[] {
  const first = Math.max(from, history.first);
  return Array.from({ length: Math.max(0, revision - first + 1) }, (_, index) => history.at(first + index)!);
}
