import { describe, expect, test } from '@jest/globals';
import { LeaseExistsError, LeaseNotFoundError, RequestTooLargeError } from './errors.ts';
import { Fork, type Outcome } from './fork.ts';
import { KeyspaceState } from './state.ts';
import type { Transaction } from './transaction.ts';

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

function stateWith(...keys: string[]): KeyspaceState {
  const state = new KeyspaceState();
  const fork = new Fork(state);
  fork.run((txn) => keys.forEach((key) => txn.put(key, one)));
  commit(state, fork);
  return state;
}

function commit(state: KeyspaceState, fork: Fork): void {
  const { sequence, revision } = state;
  state.apply({ sequence: sequence + 1, writer: 'w', batch: 1, time: 0, baseRevision: revision, records: fork.records });
}

function errorOf(outcome: Outcome<unknown>): unknown {
  return outcome.ok ? undefined : outcome.error;
}

const keys = (txn: Transaction) => Array.from(txn.range('', '~'), ({ key }) => key);

describe('transactions on a fork', () => {
  test('read what they wrote themselves, by key and by range', () => {
    const fork = new Fork(stateWith('a', 'c'));
    fork.run((txn) => {
      expect(keys(txn)).toEqual(['a', 'c']);
      txn.put('b', two);
      txn.delete('c');
      expect(keys(txn)).toEqual(['a', 'b']);
      expect([txn.get('b')?.value, txn.get('c')]).toEqual([two, undefined]);
      txn.put('c', two);
      expect(txn.get('c')).toMatchObject({ version: 1, createRevision: 3, modRevision: 3 });
      txn.put('a', two);
      txn.put('a', one);
      expect(txn.get('a')).toMatchObject({ version: 2, createRevision: 2, modRevision: 3, value: one });
    });
  });

  test('see what those before them in the batch wrote; each is a revision', () => {
    const fork = new Fork(stateWith());
    const outcomes = [1, 2, 3].map((n) =>
      fork.run((txn) => {
        txn.put(`k${n}`, one);
        return keys(txn).length;
      }, undefined),
    );
    expect(outcomes.map((outcome) => outcome.ok && [outcome.revision, outcome.result])).toEqual([
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
  });

  test('that throw leave nothing behind, and the next one sees the state as if they had not been', () => {
    const state = stateWith('a', 'b');
    const fork = new Fork(state);
    const failed = fork.run((txn) => {
      txn.delete('a');
      txn.put('b', two);
      txn.put('c', two);
      txn.grant(1n, 10);
      expect(keys(txn)).toEqual(['b', 'c']);
      throw new Error('on second thought');
    });
    expect(errorOf(failed)).toEqual(new Error('on second thought'));
    fork.run((txn) => {
      expect([keys(txn), txn.get('b')?.value, txn.lease(1n)]).toEqual([['a', 'b'], one, undefined]);
    });
    expect(fork.records).toEqual([]);
  });

  test('write only what they changed in effect', () => {
    const fork = new Fork(stateWith('a'));
    const outcome = fork.run((txn) => {
      txn.put('new', one);
      txn.delete('new');
      return txn.delete('nothing');
    });
    expect([fork.records, outcome]).toEqual([[], { ok: true, revision: 2, result: false, wrote: false }]);
  });

  test('may delete while they read a range', () => {
    const fork = new Fork(stateWith('a', 'b', 'c'));
    fork.run((txn) => {
      for (const { key } of txn.range('', '~')) txn.delete(key);
      expect(keys(txn)).toEqual([]);
    });
  });

  test('that change too much are refused, and change nothing', () => {
    const fork = new Fork(stateWith());
    const outcome = fork.run((txn) => txn.put('k', new Uint8Array(1_500_000)));
    expect(errorOf(outcome)).toBeInstanceOf(RequestTooLargeError);
    expect(fork.records).toEqual([]);
  });

  test('may delete more than they may write: a small request names a range of many keys', () => {
    const fork = new Fork(stateWith('a', 'b', 'c'));
    const deleteAll = (txn: Transaction) => {
      for (const { key } of txn.range('', '~')) txn.delete(key);
    };
    expect(fork.run(deleteAll, { bytesMax: 20 })).toMatchObject({ ok: true, wrote: true });
    expect(fork.bytes).toBeGreaterThan(20);
    expect(fork.run((txn) => txn.put('a', one), { bytesMax: 10 })).toMatchObject({ ok: false });
  });

  test('can not write after they returned', () => {
    const fork = new Fork(stateWith());
    let leaked: Transaction | undefined;
    fork.run((txn) => {
      leaked = txn;
    });
    expect(() => leaked!.put('k', one)).toThrow('this transaction is over');
  });

  test.each(['', 'snow \u2603'])('refuse the key %j', (key) => {
    expect(errorOf(new Fork(stateWith()).run((txn) => txn.put(key, one)))).toBeInstanceOf(RangeError);
  });

  test('a revoked lease takes its keys along, those of the same transaction included', () => {
    const state = stateWith('other');
    const fork = new Fork(state);
    fork.run((txn) => {
      txn.grant(5n, 60);
      txn.put('x', one, 5n);
      txn.put('y', one, 5n);
    });
    commit(state, fork);
    expect(Array.from(state.leases.get(5n)!.keys)).toEqual(['x', 'y']);
    const second = new Fork(state);
    second.run((txn) => {
      txn.put('y', two);
      txn.put('z', one, 5n);
      txn.revoke(5n);
      expect(keys(txn)).toEqual(['other', 'y']);
    });
    commit(state, second);
    expect([state.leases.all(), state.get('x'), state.get('y')?.lease]).toEqual([[], undefined, 0n]);
  });

  test('leases that are not there, or are there already, are refused', () => {
    const fork = new Fork(stateWith());
    expect(errorOf(fork.run((txn) => txn.put('k', one, 9n)))).toBeInstanceOf(LeaseNotFoundError);
    expect(errorOf(fork.run((txn) => txn.revoke(9n)))).toBeInstanceOf(LeaseNotFoundError);
    expect(fork.run((txn) => txn.grant(9n, 10))).toMatchObject({ ok: true, revision: 1, wrote: true });
    expect(errorOf(fork.run((txn) => txn.grant(9n, 10)))).toBeInstanceOf(LeaseExistsError);
  });

  test('a value that came as a small part of a larger block does not keep the block in memory', () => {
    const fork = new Fork(stateWith());
    const block = new Uint8Array(65_536).fill(7);
    fork.run((txn) => {
      txn.put('part', block.subarray(100, 110));
      txn.put('most', block.subarray(0, 60_000));
    });
    expect(fork.get('part')).toMatchObject({ value: block.slice(100, 110) });
    expect(fork.get('part')!.value.buffer).not.toBe(block.buffer);
    expect(fork.get('part')!.value.buffer.byteLength).toBeLessThanOrEqual(1_024);
    expect(fork.get('most')!.value.buffer).toBe(block.buffer);
  });
});

test('a fenced transaction that changes nothing, or is refused, leaves its id, and no revision', () => {
  const fork = new Fork(stateWith());
  const fenced = { requestId: 'again', fence: true };
  expect(fork.run(() => 'nothing', fenced)).toMatchObject({ ok: true, wrote: true, revision: fork.revision });
  const refused = () => {
    throw new Error('refused');
  };
  expect(fork.run(refused, { requestId: 'refused', fence: true })).toMatchObject({ ok: false, wrote: true });
  expect(fork.run(() => 'nothing', { requestId: 'first' })).toMatchObject({ ok: true, wrote: false });
  expect(fork.records).toEqual([
    { requestId: 'again', operations: [] },
    { requestId: 'refused', operations: [] },
  ]);
  expect(fork.has('again') && fork.has('refused')).toBe(true);
});
