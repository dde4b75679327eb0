import { CompactedError } from './errors.ts';
import type { ChangeEvent, Committed, Key, Keyspace, KeyValue, ReadView, Revision, RevisionEvents, TxnView } from './types.ts';

const NONE = new Uint8Array(0);

/** A keyspace that lives in memory only: for unit tests and simulations. Starts at revision 1, empty. */
export function memoryKeyspace(): Keyspace {
  let data = new Map<Key, KeyValue>();
  let revision: Revision = 1;
  const history: RevisionEvents[] = [];
  let wake: (() => void)[] = [];

  const viewOf = (map: ReadonlyMap<Key, KeyValue>, at: Revision): ReadView => ({
    revision: at,
    get: (key) => map.get(key),
    *range(from, to) {
      const keys = [...map.keys()].filter((key) => key >= from && key < to).sort((a, b) => (a < b ? -1 : 1));
      for (const key of keys) yield map.get(key)!;
    },
  });

  return {
    view: () => viewOf(data, revision),
    sync: async () => viewOf(data, revision),
    async transact<T>(evaluate: (txn: TxnView) => T): Promise<Committed<T>> {
      const draft = new Map(data);
      const next = revision + 1;
      const changed = new Set<Key>();
      const txn: TxnView = {
        revision,
        get: (key) => draft.get(key),
        range: (from, to) => viewOf(new Map(draft), revision).range(from, to),
        put(key, value, lease = 0n) {
          const old = draft.get(key);
          const createRevision = old?.createRevision ?? next;
          const version = changed.has(key) && old ? old.version : (old?.version ?? 0) + 1;
          draft.set(key, { key, value, lease, createRevision, modRevision: next, version });
          changed.add(key);
        },
        delete(key) {
          changed.add(key);
          return draft.delete(key);
        },
      };
      const result = evaluate(txn);
      const events = [...changed].flatMap((key): ChangeEvent[] => {
        const prev = data.get(key);
        const kv = draft.get(key);
        if (kv) return [{ type: 'put', kv, prev }];
        const gone = { key, value: NONE, lease: 0n, createRevision: 0, modRevision: next, version: 0 };
        return prev ? [{ type: 'delete', kv: gone, prev }] : [];
      });
      if (events.length === 0) return { revision, result };
      data = draft;
      revision = next;
      history.push({ revision, events });
      for (const waiter of wake.splice(0)) waiter();
      return { revision, result };
    },
    async *watch({ from, to }, since, signal) {
      if (since < 0) throw new CompactedError(1);
      let index = Math.max(0, since - 2);
      while (!signal.aborted) {
        const step = history[index];
        if (step) {
          index++;
          const events = step.events.filter(({ kv }) => kv.key >= from && kv.key < to);
          if (events.length > 0) yield { revision: step.revision, events };
          continue;
        }
        await new Promise<void>((resolve) => {
          wake.push(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    },
    close: async () => {
      wake.splice(0).forEach((waiter) => waiter());
      wake = [];
    },
  };
}
