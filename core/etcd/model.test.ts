import { describe, test, expect } from '@jest/globals';
import fc from 'fast-check';
import type { KeyValue } from '../keyspace/types.ts';
import { deleteRange } from './delete-range.ts';
import type { Operation } from './requests.ts';
import { compareOf, deleteOp, etcdStore, putOp, rangeOp, txnOf } from './testing/requests.ts';

/** The simplest store there is: at each revision, the whole map. Keys are letters, ranges are lists of letters. */
const LETTERS = ['a', 'b', 'c', 'd'];

interface Cell {
  readonly value: string;
  readonly created: number;
  readonly modified: number;
  readonly version: number;
}

class Model {
  readonly history: ReadonlyMap<string, Cell>[] = [new Map(), new Map()];

  get revision(): number {
    return this.history.length - 1;
  }

  get now(): ReadonlyMap<string, Cell> {
    return this.history.at(-1)!;
  }

  apply(steps: readonly Step[]): void {
    const next = new Map(this.now);
    const revision = this.revision + 1;
    for (const { letters, value } of steps) {
      for (const letter of letters) {
        const old = next.get(letter);
        if (value === undefined) next.delete(letter);
        else next.set(letter, { value, created: old?.created ?? revision, modified: revision, version: (old?.version ?? 0) + 1 });
      }
    }
    const same = steps.every(({ letters, value }) => value === undefined && letters.every((letter) => !this.now.has(letter)));
    if (!same) this.history.push(next);
  }
}

/** A put of one letter, or (without a value) a delete of neighbours. */
interface Step {
  readonly letters: readonly string[];
  readonly value: string | undefined;
}

interface Action {
  /** Only if that letter has that version: else the other branch. */
  readonly guard: { readonly letter: string; readonly version: number };
  readonly success: readonly Step[];
  readonly failure: readonly Step[];
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ letters: fc.constantFrom(...LETTERS).map((letter) => [letter]), value: fc.constantFrom('', '1', '2') }),
  fc
    .tuple(fc.nat(3), fc.integer({ min: 1, max: 3 }))
    .map(([from, count]) => ({ letters: LETTERS.slice(from, from + count), value: undefined })),
);

/** Steps that don't meet: a transaction may not change a key twice. */
const steps = fc.array(step, { maxLength: 3 }).map((all) => {
  const taken = new Set<string>();
  return all.filter(({ letters }) => {
    if (letters.some((letter) => taken.has(letter))) return false;
    for (const letter of letters) taken.add(letter);
    return true;
  });
});

const action: fc.Arbitrary<Action> = fc.record({
  guard: fc.record({ letter: fc.constantFrom(...LETTERS), version: fc.nat(2) }),
  success: steps,
  failure: steps,
});

/** `~` is after all letters; an end is exclusive. */
const after = (letters: readonly string[]) => LETTERS[LETTERS.indexOf(letters.at(-1)!) + 1] ?? '~';

const operationOf = ({ letters, value }: Step): Operation =>
  value === undefined ? deleteOp(letters[0]!, after(letters)) : putOp(letters[0]!, value);

const cellOf = ({ value, createRevision, modRevision, version }: KeyValue): Cell => ({
  value: Buffer.from(value).toString(),
  created: createRevision,
  modified: modRevision,
  version,
});

const read = (kvs: readonly KeyValue[]) => kvs.map((kv) => [kv.key, cellOf(kv)]);
const expected = (map: ReadonlyMap<string, Cell>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the store, against a model that keeps every map there ever was', () => {
  test('any transactions give the same maps, revisions and history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 15 }), fc.nat(20), async (actions, compactAt) => {
        const etcd = etcdStore();
        const model = new Model();
        for (const { guard, success, failure } of actions) {
          const holds = (model.now.get(guard.letter)?.version ?? 0) === guard.version;
          const compare = [compareOf(guard.letter, { target: 'VERSION', version: guard.version })];
          const look = rangeOp('a', { rangeEnd: '~' });
          const branch = (list: readonly Step[]) => [...list.map(operationOf), look];
          const answer = await etcd.txn(txnOf(branch(success), branch(failure), compare));
          model.apply(holds ? success : failure);
          expect([answer.succeeded, answer.revision]).toEqual([holds, model.revision]);
          const last = answer.responses.at(-1)!;
          expect(last.type === 'range' && read(last.response.kvs)).toEqual(expected(model.now));
        }
        const compacted = Math.min(compactAt, model.revision);
        if (compacted > 0) await etcd.keyspace.transact((txn) => txn.compact(compacted));
        for (let revision = 1; revision <= model.revision; revision++) {
          const atRevision = () => etcd.range('a', { rangeEnd: '~', revision });
          if (revision < compacted) expect(atRevision).toThrow('compacted');
          else expect(read(atRevision().kvs)).toEqual(expected(model.history[revision]!));
        }
        const { result } = await etcd.keyspace.transact((txn) => deleteRange(txn, { key: '\0', rangeEnd: '\0', prevKv: true }));
        expect(read(result.prevKvs)).toEqual(expected(model.now));
      }),
      { numRuns: 150 },
    );
  });
});
