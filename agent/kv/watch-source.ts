import type { WatchSource } from '../../core/etcd/watch-session.ts';
import { ClosedError, CompactedError } from '../../core/keyspace/errors.ts';
import type { Key, Revision, RevisionEvents } from '../../core/keyspace/types.ts';
import { DismissedError } from './control-plane.ts';
import { hostErrorOf } from './host-errors.ts';
import type { LocalCopy } from './local-copy.ts';
import type { ReadPast } from './remote-past.ts';

export interface WatchSourceOptions {
  readonly copy: LocalCopy;
  /** Brings the copy up to date after a pause. */
  readonly freshen: () => Promise<unknown>;
  /** What the copy has forgotten. Undefined: nobody can be asked just now. */
  readonly past: () => ReadPast | undefined;
}

/**
 * What watches on this host see: the copy, and the next one should the copy have to be loaded anew. What the copy has forgotten of the past is read
 * from the control plane; while that can't be reached it is as good as compacted.
 */
export function watchSource({ copy, freshen, past }: WatchSourceOptions): WatchSource {
  const open = () =>
    copy.open().catch((error: unknown) => {
      throw hostErrorOf(error);
    });

  /** Revisions `from <= r < to`, some of them; none: nobody could be asked. Throws CompactedError if the first is gone for good. */
  async function remembered(from: Revision, to: Revision, signal: AbortSignal): Promise<readonly RevisionEvents[]> {
    try {
      return (await past()?.(from, to, signal)) ?? [];
    } catch (error) {
      if (error instanceof CompactedError) throw error;
      if (error instanceof DismissedError) throw hostErrorOf(error);
      return [];
    }
  }

  return {
    async sync() {
      await freshen();
      return (await open()).view();
    },
    async *watch(range, since, signal) {
      let next = since;
      while (!signal.aborted) {
        const keyspace = await open();
        const { compactRevision } = keyspace;
        // Of the oldest revision that is kept, what was there before isn't.
        const forgotten = next <= compactRevision ? await remembered(next, compactRevision + 1, signal) : [];
        for (const step of forgotten) {
          const inRange = within(range, step);
          if (inRange.events.length > 0) yield inRange;
          next = step.revision + 1;
        }
        if (forgotten.length > 0) continue;
        try {
          for await (const step of keyspace.watch(range, next, signal)) {
            yield step;
            next = step.revision + 1;
          }
          return;
        } catch (error) {
          // It fell behind what the copy keeps just now.
          if (error instanceof CompactedError && compactRevision < error.compactRevision) continue;
          if (error instanceof CompactedError || error instanceof ClosedError || keyspace.failure === undefined) throw error;
          // The copy was damaged and is loaded again: go on where this one ended.
        }
      }
    },
  };
}

function within({ from, to }: { readonly from: Key; readonly to: Key }, { revision, events }: RevisionEvents): RevisionEvents {
  return { revision, events: events.filter(({ kv }) => kv.key >= from && kv.key < to) };
}
