import type { WatchSource } from '../../core/etcd/watch-session.ts';
import { ClosedError, CompactedError } from '../../core/keyspace/errors.ts';
import { hostErrorOf } from './host-errors.ts';
import type { LocalCopy } from './local-copy.ts';

/** What watches on this host see: the copy, and the next one should the copy have to be loaded anew. */
export function watchSource(copy: LocalCopy, freshen: () => Promise<unknown>): WatchSource {
  const open = () =>
    copy.open().catch((error: unknown) => {
      throw hostErrorOf(error);
    });
  return {
    async sync() {
      await freshen();
      return (await open()).view();
    },
    async *watch(range, since, signal) {
      let next = since;
      while (!signal.aborted) {
        const keyspace = await open();
        try {
          for await (const step of keyspace.watch(range, next, signal)) {
            yield step;
            next = step.revision + 1;
          }
          return;
        } catch (error) {
          if (error instanceof CompactedError || error instanceof ClosedError || keyspace.failure === undefined) throw error;
          // The copy was damaged and is loaded again: go on where this one ended.
        }
      }
    },
  };
}
