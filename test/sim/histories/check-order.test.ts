import { describe, expect, test } from '@jest/globals';
import { deleteOf, putOf, rangeOf } from '../../../core/etcd/testing/requests.ts';
import { checkOrder } from './check-order.ts';
import { type Call, type History, show } from './history.ts';
import { type Flaw, idealHistory } from './ideal.ts';

const SEEDS = Array.from({ length: 24 }, (_, seed) => seed);
const IDEAL = SEEDS.map((seed) => idealHistory(seed));

const rulesOf = (history: History) => new Set(checkOrder(history).map(({ rule }) => rule));
const revisionOf = ({ outcome }: Call) => (outcome.type === 'ok' ? outcome.response.revision : 0);
const isRead = (call: Call): call is Call & { method: 'Range' } => call.method === 'Range' && call.outcome.type === 'ok';
const isPut = (call: Call) => call.method === 'Put' && call.outcome.type === 'ok' && !call.request.ignoreValue;

/** The history with one call changed, that `choose` picked in the middle of it. */
function changed(history: History, choose: (call: Call) => boolean, change: (call: Call) => object): History | undefined {
  const at = history.calls.findIndex((call, index) => index > history.calls.length / 3 && choose(call));
  if (at < 0) return undefined;
  return {
    ...history,
    calls: history.calls.map((call, index) => (index === at ? ({ ...call, ...change(call) } as Call) : call)),
  };
}

/** Every history that can be spoilt that way is found out, by one of the rules. */
function expectCaught(spoil: (history: History) => History | undefined, ...rules: readonly string[]): void {
  let spoilt = 0;
  for (const seed of SEEDS) {
    const history = spoil(IDEAL[seed]!);
    if (!history) continue;
    spoilt++;
    const found = rulesOf(history);
    expect([seed, [...found], rules.some((rule) => found.has(rule))]).toEqual([seed, [...found], true]);
  }
  expect(spoilt).toBeGreaterThan(SEEDS.length / 2);
}

const END = { startedAt: 1e9, endedAt: 1e9 + 1 };
const BEGINNING = { startedAt: -2, endedAt: -1 };
const NOT_WHAT = 'an answer is not what it should be';
const ORDER = 'what was seen had not been asked for yet, or commits are not in the order of time';

describe('the check of order', () => {
  test('has nothing against the histories of a store that does one thing at a time', () => {
    for (const seed of SEEDS) expect(checkOrder(IDEAL[seed]!)).toEqual([]);
  });

  test('has nothing against two deletes whose outcome is unknown, of which the first could have been either', () => {
    const put = (client: string, value: string, revision: number, startedAt: number): Call => ({
      client,
      method: 'Put',
      request: putOf('k/a', value),
      outcome: { type: 'ok', response: { revision, prevKv: undefined } },
      startedAt,
      endedAt: startedAt + 1,
    });
    const gone = (client: string, key: string, rangeEnd: string, startedAt: number): Call => ({
      client,
      method: 'DeleteRange',
      request: deleteOf(key, rangeEnd),
      outcome: { type: 'unknown' },
      startedAt,
      endedAt: startedAt + 1,
    });
    const kv = (modRevision: number, value: string) => ({
      key: 'k/a',
      value: new TextEncoder().encode(value),
      createRevision: modRevision,
      modRevision,
      version: 1,
      lease: 0n,
    });
    const deleted = (modRevision: number) => ({ ...kv(modRevision, ''), createRevision: 0, version: 0 });
    const other: Call = { ...put('c', 'b', 4, 30), request: putOf('k/b', 'b') } as Call;
    const log: History['log'] = [
      { revision: 2, events: [{ type: 'put', kv: kv(2, '1'), prev: undefined }] },
      // By either, if only this one is looked at.
      { revision: 3, events: [{ type: 'delete', kv: deleted(3), prev: kv(2, '1') }] },
      { revision: 4, events: [{ type: 'put', kv: { ...kv(4, 'b'), key: 'k/b' }, prev: undefined }] },
      { revision: 5, events: [{ type: 'put', kv: kv(5, '2'), prev: undefined }] },
      // The range would have taken k/b, too.
      { revision: 6, events: [{ type: 'delete', kv: deleted(6), prev: kv(5, '2') }] },
    ];
    const calls = [put('c', '1', 2, 1), gone('x', 'k/a', '', 10), gone('y', 'k/a', 'k/z', 11), other, put('c', '2', 5, 40)];
    expect(checkOrder({ calls, log })).toEqual([]);
    // One of them alone can't have been both.
    expect(rulesOf({ calls: calls.toSpliced(2, 1), log })).toEqual(new Set(['a write took effect twice']));
  });

  test('catches a stale read', () => {
    expectCaught(
      (history) =>
        changed(
          history,
          (call) => isRead(call) && !call.request.serializable,
          () => END,
        ),
      'a stale read',
    );
  });

  test('catches a stale answer under a new revision', () => {
    expectCaught(
      (history) =>
        changed(
          history,
          (call) => isRead(call) && show(call.outcome).includes('"kvs":[{'),
          ({ outcome }) => ({ outcome: { type: 'ok', response: { ...(outcome as { response: object }).response, kvs: [] } } }),
        ),
      NOT_WHAT,
    );
  });

  test('catches a read of what had not been asked for yet, a serializable one too', () => {
    for (const serializable of [false, true]) {
      expectCaught(
        (history) =>
          changed(
            history,
            (call) => isRead(call) && call.request.serializable === serializable,
            () => BEGINNING,
          ),
        ORDER,
      );
    }
  });

  test('catches a client whose serializable reads go back in time', () => {
    expectCaught(
      (history) =>
        changed(
          history,
          (call) => isRead(call) && call.request.serializable,
          () => ({ ...END, client: 'c0' }),
        ),
      'a client went back in time',
    );
  });

  test('catches commits in another order than that of time', () => {
    expectCaught((history) => changed(history, isPut, () => BEGINNING), ORDER);
  });

  const flaws: readonly [Flaw, string, ...string[]][] = [
    ['loses it', 'a lost update', 'an acknowledged write is not in the log'],
    ['applies it twice', 'a write that is applied twice', 'a write took effect twice', 'a refused write took effect'],
    ['refuses it but applies it', 'a dirty read of a write that failed', 'a refused write took effect'],
    ['applies a part of it', 'a transaction that is not atomic', 'an acknowledged write is not in the log'],
    [
      'tears it',
      'a transaction in two revisions',
      'an acknowledged write is not in the log',
      'a version does not follow from the one before',
    ],
  ];
  for (const [flaw, name, ...rules] of flaws) {
    test(`catches ${name}`, () => {
      for (const seed of SEEDS) {
        const found = rulesOf(idealHistory(seed, flaw));
        expect([seed, [...found], rules.some((rule) => found.has(rule))]).toEqual([seed, [...found], true]);
      }
    });
  }

  test('catches a transaction that took the wrong branch', () => {
    expectCaught(
      (history) =>
        changed(
          history,
          (call) => call.method === 'Txn' && call.outcome.type === 'ok',
          ({ outcome }) => {
            const { response } = outcome as { response: { succeeded: boolean } };
            return { outcome: { type: 'ok', response: { ...response, succeeded: !response.succeeded } } };
          },
        ),
      NOT_WHAT,
      'an acknowledged write is not in the log',
    );
  });

  test('catches a wrong prev_kv and a wrong number of deleted keys', () => {
    const wrong = { key: 'k/a', value: new Uint8Array(1), createRevision: 2, modRevision: 2, version: 1, lease: 0n };
    const spoil = (field: string, value: unknown) => (history: History) =>
      changed(
        history,
        (call) => call.outcome.type === 'ok' && field in call.outcome.response,
        ({ outcome }) => ({
          outcome: { type: 'ok', response: { ...(outcome as { response: object }).response, [field]: value } },
        }),
      );
    expectCaught(spoil('prevKv', wrong), NOT_WHAT);
    expectCaught(spoil('deleted', 7), NOT_WHAT);
    expectCaught(spoil('count', 99), NOT_WHAT);
    expectCaught(spoil('more', undefined), NOT_WHAT);
  });

  test('catches a commit that nobody asked for', () => {
    expectCaught((history) => {
      const { revision } = history.log.at(-1)!;
      const kv = {
        key: 'k/z',
        value: new Uint8Array(1),
        createRevision: revision + 1,
        modRevision: revision + 1,
        version: 1,
        lease: 0n,
      };
      return { ...history, log: [...history.log, { revision: revision + 1, events: [{ type: 'put', kv, prev: undefined }] }] };
    }, 'nobody asked for a commit');
  });

  test('catches a log with a gap, a repetition, a step back, or a version out of line', () => {
    const rule = 'the log has a gap, a repetition or a step back';
    expectCaught((history) => ({ ...history, log: history.log.toSpliced(9, 1) }), rule);
    expectCaught((history) => ({ ...history, log: history.log.toSpliced(9, 0, history.log[9]!) }), rule);
    expectCaught((history) => ({ ...history, log: history.log.toSpliced(9, 2, history.log[10]!, history.log[9]!) }), rule);
    expectCaught((history) => {
      const step = history.log[9]!;
      const events = step.events.map((event) => ({ ...event, kv: { ...event.kv, version: event.kv.version + 1 } }));
      return { ...history, log: history.log.with(9, { ...step, events }) };
    }, 'a version does not follow from the one before');
  });

  test('catches an answer that is wrong in refusing', () => {
    expectCaught(
      (history) => changed(history, isPut, (call) => ({ request: { ...(call.request as object), value: new Uint8Array(0) } })),
      'an acknowledged write is not in the log',
    );
    const refused = (request: object, method: string, error: string): Call =>
      ({ client: 'x', method, request, startedAt: 5, endedAt: 2_000, outcome: { type: 'refused', error } }) as unknown as Call;
    expectCaught((history) => {
      const call = refused(putOf('k/a'), 'Put', 'etcdserver: key not found');
      return { ...history, calls: [...history.calls, call] };
    }, 'a refusal is wrong');
    expectCaught((history) => {
      const call = refused(rangeOf('k/a', { revision: 1 }), 'Range', 'etcdserver: mvcc: required revision has been compacted');
      return { ...history, calls: [...history.calls, call] };
    }, 'a refusal is wrong');
  });

  test('catches a read of a compacted revision', () => {
    expectCaught((history) => {
      const compact = { client: 'x', method: 'Compact', request: { revision: 20, physical: false }, startedAt: -4, endedAt: -3 };
      const outcome = { type: 'ok', response: { revision: 1 } };
      const calls = [{ ...compact, outcome } as unknown as Call, ...history.calls];
      return changed(
        { ...history, calls },
        (call) => isRead(call) && !call.request.serializable && call.request.revision > 0,
        (call) => ({
          request: { ...(call.request as object), revision: 1 },
          outcome: { type: 'ok', response: { kvs: [], count: 0, more: false, revision: revisionOf(call) } },
        }),
      );
    }, 'a compacted revision was read');
  });
});
