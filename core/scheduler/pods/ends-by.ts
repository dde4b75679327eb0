import type { Pod } from '../../resources/schema/pod.ts';

/** A host whose engine hangs, or a finalizer that nobody takes away, may keep a pod for ever: so long after it should be gone it is waited for no more. */
const OVERDUE_MS = 120_000;

/** Until when a pod that is ending is taken to be gone soon, ms since the epoch; undefined: it isn't ending. */
export function endsBy({ metadata: { deletionTimestamp } }: Pod): number | undefined {
  return deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp) + OVERDUE_MS;
}
