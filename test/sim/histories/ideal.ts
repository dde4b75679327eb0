import type { ChangeEvent, RevisionEvents } from '../../../core/keyspace/types.ts';
import type { Call, History } from './history.ts';
import { execute, Refusal, type Rows } from './model.ts';
import { Random } from './random.ts';
import { randomRequest } from './workload.ts';

const CLIENTS = 5;

/** What a bad store does with one of the writes in the middle of the history. */
export type Flaw =
  /** It answers, and does nothing. */
  | 'loses it'
  | 'applies it twice'
  | 'refuses it but applies it'
  | 'applies a part of it'
  /** In two revisions. */
  | 'tears it';

/** A history of several clients and a store that does one thing at a time, at some instant of each call: without fault, but for `flaw`. */
export function idealHistory(seed: number, flaw?: Flaw, count = 150): History {
  const random = new Random(seed);
  const states: Rows[] = [new Map()];
  const log: RevisionEvents[] = [];
  const calls: Call[] = [];
  const idleFrom = Array.from({ length: CLIENTS }, () => 0);
  let instant = 0;
  let flawed = false;
  const commit = (events: readonly ChangeEvent[]) => {
    if (events.length === 0) return;
    log.push({ revision: states.length + 1, events });
    states.push(applied(states.at(-1)!, events));
  };
  for (let n = 0; n < count; n++) {
    // Effects follow each other 10 apart; a call begins before its own and ends after, and after its client's last.
    instant += 10;
    const client = random.below(CLIENTS);
    const startedAt = Math.max(idleFrom[client]!, instant - 1 - random.below(40)) + n / 1e6;
    if (startedAt >= instant) continue;
    const endedAt = instant + 1 + random.below(40) + n / 1e6;
    const { method, request } = randomRequest(random, { revision: states.length, leases: [], freshValue: `v${n}` });
    if (method === 'Compact' || method === 'LeaseGrant' || method === 'LeaseRevoke') continue;
    const common = { client: `c${client}`, method, request, startedAt };
    idleFrom[client] = endedAt;
    try {
      const { answer, events } = execute(method, request, states.length, states);
      const revision = states.length + (events.length > 0 ? 1 : 0);
      let outcome: Call['outcome'] = random.chance(0.1)
        ? { type: 'unknown' }
        : { type: 'ok', response: { ...responseOf(answer), revision } as never };
      const isPlainPut = method === 'Put' && !request.ignoreValue;
      const fits = flaw === 'tears it' || flaw === 'applies a part of it' ? events.length > 1 : isPlainPut;
      if (flaw && !flawed && n > count / 5 && fits && events.some(({ type }) => type === 'put') && outcome.type === 'ok') {
        flawed = true;
        if (flaw === 'applies a part of it') commit(events.slice(1));
        if (flaw === 'refuses it but applies it')
          outcome = { type: 'refused', error: 'etcdserver: mvcc: database space exceeded' };
        if (flaw === 'applies it twice' || flaw === 'refuses it but applies it') commit(events);
        if (flaw === 'applies it twice') commit(execute(method, request, states.length, states).events);
        if (flaw === 'tears it') {
          commit(events.slice(0, 1));
          commit(events.slice(1).map(({ type, kv, prev }) => ({ type, kv: { ...kv, modRevision: states.length + 1 }, prev })));
        }
      } else {
        commit(events);
      }
      calls.push({ ...common, endedAt, outcome } as unknown as Call);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      calls.push({ ...common, endedAt, outcome: { type: 'refused', error: error.message } } as unknown as Call);
    }
  }
  return { calls, log };
}

/** The model's answers of a transaction's operations, as core/ says them. */
function responseOf(answer: unknown): object {
  const { responses, ...rest } = answer as { responses?: readonly object[] };
  if (!responses) return rest;
  const type = (each: object) =>
    'kvs' in each ? 'range' : 'deleted' in each ? 'deleteRange' : 'succeeded' in each ? 'txn' : 'put';
  return { ...rest, responses: responses.map((each) => ({ type: type(each), response: responseOf(each) })) };
}

function applied(before: Rows, events: readonly ChangeEvent[]): Rows {
  const rows = new Map(before);
  for (const { type, kv } of events) {
    if (type === 'delete') rows.delete(kv.key);
    else rows.set(kv.key, kv);
  }
  return rows;
}
