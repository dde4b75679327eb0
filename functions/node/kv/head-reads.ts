import type { Tail } from '../../../core/keyspace/log.ts';
import { sharedCall } from '../../../core/keyspace/shared-call.ts';

/**
 * Hosts that are up to date all ask the same: is there an entry after this one? Those who ask at the same time get one answer,
 * read after the last of them asked.
 */
export function headReads() {
  const shared = new Map<string, { readonly call: () => Promise<Tail>; waiting: number }>();
  return {
    async read(key: string, read: () => Promise<Tail>): Promise<Tail> {
      const entry = shared.get(key) ?? { call: sharedCall(read), waiting: 0 };
      shared.set(key, entry);
      entry.waiting++;
      try {
        return await entry.call();
      } finally {
        if (--entry.waiting === 0) shared.delete(key);
      }
    },
  };
}
