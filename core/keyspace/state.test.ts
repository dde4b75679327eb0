import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompactedError, CorruptLogError, FutureRevisionError } from './errors.ts';
import { Fork } from './fork.ts';
import { AFTER_ALL_KEYS } from './keys.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';
import { KeyspaceState } from './state.ts';
import { eventsSince } from './testing/events-since.ts';
import type { KeyValue, ReadView } from './types.ts';

type Step = { put: string } | { delete: string } | { replace: string } | 'compact';
const key = fc.constantFrom('a', 'aa', 'b', 'c', 'd');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: key }) },
  { weight: 3, arbitrary: fc.record({ delete: key }) },
  { weight: 1, arbitrary: fc.record({ replace: key }) },
  { weight: 1, arbitrary: fc.constant('compact' as const) },
);

const plain = ({ key: k, value, createRevision, modRevision, version }: KeyValue) => ({
  key: k,
  value: value[0],
  createRevision,
  modRevision,
  version,
});
const dump = (view: ReadView) => Array.from(view.range('', AFTER_ALL_KEYS), plain);

/** Applies each step as an entry of its own; the model is what each revision looked like. */
function build(steps: readonly Step[]) {
  const state = new KeyspaceState();
  const model = new Map<string, ReturnType<typeof plain>>();
  const revisions = new Map<number, ReturnType<typeof dump>>([[1, []]]);
  const views = new Map<number, ReadView>([[1, state.view()]]);
  for (const [n, each] of steps.entries()) {
    const fork = new Fork(state);
    const next = state.revision + 1;
    const value = n % 256;
    fork.run((txn) => {
      if (each === 'compact') {
        const target = state.revision - 3;
        if (target > state.compactRevision) txn.compact(target);
      } else if ('put' in each) {
        txn.put(each.put, Uint8Array.of(value));
        const old = model.get(each.put);
        const kept = { createRevision: old?.createRevision ?? next, version: (old?.version ?? 0) + 1 };
        model.set(each.put, { key: each.put, value, modRevision: next, ...kept });
      } else if ('replace' in each) {
        txn.delete(each.replace);
        txn.put(each.replace, Uint8Array.of(value));
        model.set(each.replace, { key: each.replace, value, modRevision: next, createRevision: next, version: 1 });
      } else {
        expect(txn.delete(each.delete)).toBe(model.delete(each.delete));
      }
    }, undefined);
    if (fork.records.length === 0) continue;
    const { sequence, revision } = state;
    state.apply({ sequence: sequence + 1, writer: 'w', batch: n, time: 0, baseRevision: revision, records: fork.records });
    revisions.set(
      state.revision,
      Array.from(model.values()).sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    views.set(state.revision, state.view());
  }
  return { state, revisions, views };
}

/** Everything that can be asked of a state. */
function everything(state: KeyspaceState) {
  const { revision, compactRevision } = state;
  const first = Math.max(1, compactRevision);
  return {
    revision,
    compactRevision,
    past: Array.from({ length: revision - first + 1 }, (_, n) => dump(state.at(first + n))),
    events: eventsSince(state, compactRevision).map((each) => ({
      revision: each.revision,
      events: each.events.map(({ type, kv, prev }) => ({ type, kv: plain(kv), prev: prev && plain(prev) })),
    })),
    leases: state.leases.all().map(({ id, ttlSeconds, keys }) => ({ id, ttlSeconds, keys: Array.from(keys).sort() })),
    requests: state.requests.entries(),
  };
}

const steps = fc.array(step, { maxLength: 60, size: 'max' });

describe('the state of a keyspace', () => {
  test('is as the model at every revision since the compaction, and says so of all others', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { state, revisions } = build(all);
        for (const [revision, expected] of revisions) {
          if (revision < state.compactRevision) {
            expect(() => state.at(revision)).toThrow(CompactedError);
            continue;
          }
          const view = state.at(revision);
          expect(dump(view)).toEqual(expected);
          for (const each of ['a', 'aa', 'b', 'c', 'd', 'nothing']) {
            const found = view.get(each);
            expect(found && plain(found)).toEqual(expected.find((kv) => kv.key === each));
          }
        }
        expect(() => state.at(state.revision + 1)).toThrow(FutureRevisionError);
      }),
    );
  });

  test('a view that was taken never changes, whatever is committed or compacted after', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { revisions, views } = build(all);
        for (const [revision, view] of views) {
          expect(dump(view)).toEqual(revisions.get(revision));
          for (const each of ['a', 'aa', 'b', 'c', 'd']) {
            const found = view.get(each);
            expect(found && plain(found)).toEqual(revisions.get(revision)!.find((kv) => kv.key === each));
          }
        }
      }),
    );
  });

  test('a snapshot gives back all of it: every revision that can be read, every event that can be watched, leases, request ids', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { state } = build(all);
        const fork = new Fork(state);
        fork.run(
          (txn) => {
            txn.grant(7n, 60);
            txn.grant(8n, 5);
            txn.put('leased', Uint8Array.of(1), 7n);
          },
          { requestId: 'request 1' },
        );
        state.apply({
          sequence: state.sequence + 1,
          writer: 'w',
          batch: 0,
          time: 0,
          baseRevision: state.revision,
          records: fork.records,
        });
        const chunks = async function* () {
          yield* encodeSnapshot(state);
        };
        const loaded = await decodeSnapshot(state.sequence, chunks());
        expect(everything(loaded)).toEqual(everything(state));
        expect(loaded.sequence).toBe(state.sequence);
      }),
    );
  });

  test('compaction gives memory back', () => {
    const { state } = build(Array.from({ length: 500 }, () => ({ put: 'a' })));
    const before = state.bytes;
    state.apply({
      sequence: state.sequence + 1,
      writer: 'w',
      batch: 0,
      time: 0,
      baseRevision: state.revision,
      records: [{ requestId: undefined, operations: [{ type: 'compact', revision: state.revision }] }],
    });
    expect(state.bytes).toBeLessThan(before / 400);
    expect(state.history.length).toBe(1);
  });

  test('a replica that must not take more forgets its oldest past, as far as it must, and keeps every key', () => {
    const { state } = build(Array.from({ length: 500 }, (_, n) => ({ put: n % 2 === 0 ? 'a' : 'b' })));
    const bytes = state.bytes / 2;
    state.forgetOldest({ bytes, revisions: 10 });
    expect(state.bytes).toBeLessThanOrEqual(bytes);
    expect(state.bytes).toBeGreaterThan(bytes / 2);
    expect(() => state.at(state.compactRevision - 1)).toThrow(CompactedError);
    expect([state.get('a')?.version, state.get('b')?.version]).toEqual([250, 250]);

    state.forgetOldest({ bytes: 0, revisions: 10 });
    expect(state.revision - state.compactRevision).toBe(10);
    expect(state.at(state.compactRevision).count('', 'z')).toBe(2);
  });

  test('refuses an entry that does not follow, or was written on another state', () => {
    const { state } = build([{ put: 'a' }]);
    const entry = { sequence: 2, writer: 'w', batch: 1, time: 0, baseRevision: 2, records: [] };
    expect(() => state.apply({ ...entry, sequence: 3 })).toThrow(CorruptLogError);
    expect(() => state.apply({ ...entry, baseRevision: 1 })).toThrow(CorruptLogError);
    const deletion = { requestId: undefined, operations: [{ type: 'delete' as const, key: 'nothing' }] };
    expect(() => state.apply({ ...entry, records: [deletion] })).toThrow(CorruptLogError);
  });
});
