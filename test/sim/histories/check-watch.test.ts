import { describe, expect, test } from '@jest/globals';
import type { WatchAnswer, WatchCreateRequest } from '../../../core/etcd/watch.ts';
import { WatchStream } from '../../../core/etcd/watch-stream.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';
import { checkWatch } from './check-watch.ts';
import { idealHistory } from './ideal.ts';

const ALL: WatchCreateRequest = {
  key: 'k/',
  rangeEnd: 'k0',
  startRevision: 2,
  progressNotify: false,
  filters: [],
  prevKv: true,
  watchId: 0,
  fragment: false,
};

const { log } = idealHistory(3);

/** What a watch over the log is told. */
function watched(request: WatchCreateRequest = ALL, steps: readonly RevisionEvents[] = log): WatchAnswer[] {
  const stream = new WatchStream(request.startRevision - 1);
  const created = stream.create(request, 1);
  return [created, ...steps.filter(({ revision }) => revision >= request.startRevision).flatMap((step) => stream.deliver(step))];
}

const until = log.at(-1)!.revision;
const rulesOf = (answers: readonly WatchAnswer[], request = ALL) =>
  checkWatch(log, { from: request.startRevision, request, answers, until }).map(({ rule }) => rule);

/** The answer in the middle that has at least so many events, replaced. */
function spoilt(change: (answer: WatchAnswer) => readonly WatchAnswer[], events = 1): WatchAnswer[] {
  const answers = watched();
  const at = answers.findIndex((answer, index) => index > 10 && (answer.events?.length ?? 0) >= events);
  return answers.toSpliced(at, 1, ...change(answers[at]!));
}

describe('the check of watches', () => {
  test('has nothing against watches that tell everything, filtered, resumed or not', () => {
    expect(rulesOf(watched())).toEqual([]);
    const variants: Partial<WatchCreateRequest>[] = [
      { filters: ['NOPUT'] },
      { filters: ['NODELETE'] },
      { prevKv: false },
      { startRevision: 30 },
      { key: 'k/a', rangeEnd: '' },
    ];
    for (const variant of variants) {
      const request = { ...ALL, ...variant };
      expect(rulesOf(watched(request), request)).toEqual([]);
    }
  });

  test('catches a gap, a repetition, and events out of order', () => {
    expect(rulesOf(spoilt(() => []))).toContain('not reliable');
    expect(rulesOf(spoilt((answer) => [answer, answer]))).toContain('not unique');
    const [first, ...rest] = watched().slice(10);
    expect(rulesOf([...watched().slice(0, 10), rest[0]!, first!, ...rest.slice(1)])).toContain('not ordered');
  });

  test('catches a revision that is split, or told in part', () => {
    const half = (answer: WatchAnswer, from: number, to?: number) => ({ ...answer, events: answer.events!.slice(from, to) });
    expect(rulesOf(spoilt((answer) => [half(answer, 0, 1), half(answer, 1)], 2))).toContain('not atomic');
    expect(rulesOf(spoilt((answer) => [half(answer, 1)], 2))).toContain('not atomic');
  });

  test('catches a resumed watch that begins too early or too late', () => {
    const request = { ...ALL, startRevision: 30 };
    expect(rulesOf(watched({ ...ALL, startRevision: 25 }), request)).toContain('not resumable');
    expect(rulesOf(watched({ ...ALL, startRevision: 40 }), request)).toContain('not reliable');
  });

  test('catches progress that is told too early', () => {
    const early = (answer: WatchAnswer): WatchAnswer[] => [{ watchId: -1, revision: answer.revision }, answer];
    expect(rulesOf(spoilt(early))).toContain('not bookmarkable');
    expect(rulesOf([...watched().slice(0, 10), { watchId: -1, revision: until }])).toContain('not reliable');
  });

  test('catches events that were to be filtered, and events of nothing', () => {
    expect(rulesOf(watched(), { ...ALL, filters: ['NOPUT'] })).toContain('not filtered');
    expect(rulesOf(watched({ ...ALL, rangeEnd: 'z' }, idealHistory(3).log), { ...ALL, rangeEnd: 'k/b' })).toContain(
      'not filtered',
    );
    const invented = spoilt((answer) => [
      { ...answer, events: answer.events!.map((event) => ({ ...event, kv: { ...event.kv, key: 'k/zz' } })) },
    ]);
    expect(rulesOf(invented)).toContain('an event of nothing');
  });

  test('catches a wrong prev_kv, one that was not asked for, and a wrong is-create', () => {
    expect(rulesOf(watched({ ...ALL, prevKv: false }))).toContain('prev_kv is wrong');
    expect(rulesOf(watched(), { ...ALL, prevKv: false })).toContain('prev_kv is wrong');
    const created = spoilt((answer) => [
      {
        ...answer,
        events: answer.events!.map((event) => ({
          ...event,
          kv: { ...event.kv, createRevision: event.kv.createRevision ? 1 : 9 },
        })),
      },
    ]);
    expect(rulesOf(created).some((rule) => rule === 'is-create is wrong' || rule === 'an event of nothing')).toBe(true);
  });

  test('catches a cancellation for a compaction that does not concern it, and answers after the end', () => {
    expect(rulesOf([...watched().slice(0, 9), { watchId: 0, revision: 0, canceled: true, compactRevision: 2 }])).toContain(
      'cancelled without reason',
    );
    expect(rulesOf([{ watchId: 0, revision: 0, canceled: true, compactRevision: 9 }, ...watched()])).toContain(
      'something came after the end',
    );
  });
});
