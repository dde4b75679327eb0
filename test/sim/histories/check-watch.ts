import type { WatchAnswer, WatchCreateRequest } from '../../../core/etcd/watch.ts';
import type { ChangeEvent, KeyValue, Revision, RevisionEvents } from '../../../core/keyspace/types.ts';
import { type Finding, show } from './history.ts';
import { inRange } from './model.ts';

/** One watch as its client saw it, with the answers of that watch alone, and those to progress requests of its stream. */
export interface WatchRecord {
  /** Of the first event that it must see. */
  readonly from: Revision;
  readonly request: WatchCreateRequest;
  readonly answers: readonly WatchAnswer[];
  /** It must have seen everything up to there, if it wasn't cancelled. */
  readonly until?: Revision;
  /** The oldest revision that was ever compacted to: below that what was there before need not be told. */
  readonly compactRevision?: Revision;
}

/**
 * What etcd promises of watches (https://etcd.io/docs/v3.5/learning/api_guarantees/, and the validators of its robustness tests):
 * ordered, unique, atomic, reliable, resumable, bookmarkable; filters, prev_kv and is-create as asked for.
 */
export function checkWatch(log: readonly RevisionEvents[], watch: WatchRecord): Finding[] {
  const findings: Finding[] = [];
  const wrong = (rule: string, facts: string) => findings.push({ rule, facts: `${facts}; watch ${show(watch.request)}` });
  const { request, from } = watch;
  const expected = log
    .filter(({ revision }) => revision >= from)
    .map(({ revision, events }) => ({ revision, events: events.filter((event) => isWanted(event, request)) }))
    .filter(({ events }) => events.length > 0);

  let last = from - 1;
  let promised = 0;
  let cancelled = false;
  const seen = new Set<string>();
  const steps = new Map<Revision, ChangeEvent[]>();
  const answerOf = new Map<Revision, WatchAnswer>();
  for (const answer of watch.answers) {
    if (cancelled) wrong('something came after the end', show(answer));
    if (answer.canceled) {
      cancelled = true;
      // Without an older start there is nothing to be compacted away.
      if ((answer.compactRevision ?? 0) > 0 && answer.compactRevision! <= from) wrong('cancelled without reason', show(answer));
      continue;
    }
    if (answer.created) continue;
    const { events = [] } = answer;
    if (events.length === 0) promised = Math.max(promised, answer.revision);
    for (const { type, kv, prev } of events) {
      const { modRevision } = kv;
      if (modRevision < last) wrong('not ordered', `${modRevision} after ${last}`);
      if (modRevision <= promised) wrong('not bookmarkable', `${modRevision} came after progress ${promised}`);
      if (seen.has(`${modRevision} ${kv.key}`)) wrong('not unique', `${kv.key} at ${modRevision}`);
      else if (answerOf.get(modRevision) !== answer && steps.has(modRevision)) wrong('not atomic', `${modRevision} was split`);
      answerOf.set(modRevision, answer);
      seen.add(`${modRevision} ${kv.key}`);
      last = Math.max(last, modRevision);
      steps.set(modRevision, [...(steps.get(modRevision) ?? []), { type, kv, prev: answer.prevKv ? prev : undefined }]);
    }
  }

  const reached = Math.max(last, promised, cancelled ? 0 : (watch.until ?? 0));
  for (const { revision, events } of expected) {
    if (revision > reached) break;
    const got = steps.get(revision);
    steps.delete(revision);
    if (!got) {
      wrong('not reliable', `${revision} is missing: ${show(events)}`);
      continue;
    }
    if (got.length < events.length) wrong('not atomic', `${revision}: ${show(got)} of ${show(events)}`);
    for (const event of got) {
      if (!isInLog(log, event.kv)) wrong('an event of nothing', show(event));
      else checkEvent(event, events, wrong, watch);
    }
  }
  for (const [revision, events] of steps) {
    const known = events.every(({ kv }) => isInLog(log, kv));
    const rule = !known ? 'an event of nothing' : revision < from ? 'not resumable' : 'not filtered';
    wrong(rule, `${revision}: ${show(events)}`);
  }
  return findings;
}

function isInLog(log: readonly RevisionEvents[], { key, modRevision }: KeyValue): boolean {
  return log.some(({ revision, events }) => revision === modRevision && events.some(({ kv }) => kv.key === key));
}

function checkEvent(
  event: ChangeEvent,
  expected: readonly ChangeEvent[],
  wrong: (rule: string, facts: string) => void,
  { request, compactRevision = 0 }: WatchRecord,
): void {
  const same = expected.find(({ kv }) => kv.key === event.kv.key);
  if (!same) wrong('not filtered', show(event));
  else if (same.type !== event.type || show(same.kv) !== show(event.kv)) {
    const isCreate = same.kv.createRevision === same.kv.modRevision;
    const saysSo = event.kv.createRevision === event.kv.modRevision;
    wrong(isCreate !== saysSo ? 'is-create is wrong' : 'an event of nothing', `${show(event)} instead of ${show(same)}`);
  } else {
    const prev = request.prevKv ? same.prev : undefined;
    const mayLack = prev !== undefined && event.kv.modRevision <= compactRevision && event.prev === undefined;
    if (!mayLack && show(event.prev) !== show(prev)) wrong('prev_kv is wrong', `${show(event.prev)} instead of ${show(prev)}`);
  }
}

function isWanted({ type, kv }: ChangeEvent, { key, rangeEnd, filters }: WatchCreateRequest): boolean {
  return inRange(kv.key, key, rangeEnd) && !filters.includes(type === 'put' ? 'NOPUT' : 'NODELETE');
}
