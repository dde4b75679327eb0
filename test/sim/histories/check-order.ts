import type { Revision } from '../../../core/keyspace/types.ts';
import { assign } from './assign.ts';
import { statesOf } from './check-log.ts';
import { type Call, type Finding, type History, show, showCall } from './history.ts';
import { comparable, execute, Refusal, type States, type Step } from './model.ts';

/**
 * Is the history strictly serializable? The order of commits is no guess: revisions tell it, so that (other than in general) this is
 * quick to decide. Each commit is matched with the call that made it, each answer is replayed at its revision, and the order
 * is compared with real time: what had ended before a call began comes before it.
 *
 * Serializable reads may be old, but the same client must not go back in time, nor see what nobody had asked for yet.
 */
export function checkOrder(history: History): Finding[] {
  const { states, findings } = statesOf(history.log);
  if (findings.length > 0) return findings;
  return new OrderCheck(history, states).run();
}

/** Where a call is in the order: at a revision that it wrote, or reading one. */
interface Place {
  readonly call: Call;
  readonly revision: Revision;
  readonly wrote: boolean;
}

type KvCall = Extract<Call, { method: 'Range' | 'Put' | 'DeleteRange' | 'Txn' }>;

class OrderCheck {
  readonly #history: History;
  readonly #states: States;
  readonly #findings: Finding[] = [];
  readonly #places: Place[] = [];
  readonly #authors = new Map<Revision, Call>();

  constructor(history: History, states: States) {
    this.#history = history;
    this.#states = states;
  }

  run(): Finding[] {
    // Revocations say little about themselves: what nobody else did is theirs.
    for (const call of this.#calls('ok')) if (call.method !== 'LeaseRevoke') this.#placeAnswered(call);
    for (const call of this.#calls('ok')) if (call.method === 'LeaseRevoke') this.#placeRevocation(call);
    this.#placeTheRest();
    this.#checkRealTime();
    this.#checkSessions();
    this.#checkRefusals();
    this.#checkCompactions();
    return this.#findings;
  }

  #calls(type: Call['outcome']['type']): Call[] {
    return this.#history.calls.filter(({ outcome }) => outcome.type === type);
  }

  #wrong(rule: string, facts: string): void {
    this.#findings.push({ rule, facts });
  }

  #placeAnswered(call: Call): void {
    const { revision } = (call.outcome as { response: { revision: Revision } }).response;
    if (revision < 1 || revision > this.#states.length) {
      this.#wrong('an answer names a revision that never was', showCall(call));
      return;
    }
    if (isKv(call)) this.#placeKv(call, revision);
    else this.#places.push({ call, revision, wrote: false });
  }

  /** Either it is the commit at its revision, or it changed nothing and saw that revision. */
  #placeKv(call: KvCall, revision: Revision): void {
    const { response } = call.outcome as { response: object };
    const answer = show(comparable(call.method, response));
    const writing = call.method !== 'Range' && revision > 1 ? this.#replay(call, revision - 1) : undefined;
    if (writing && writing.events.length > 0 && show(writing.answer) === answer && this.#isAt(writing, revision)) {
      this.#claim(call, revision);
      return;
    }
    const reading = this.#replay(call, revision);
    if (reading && reading.events.length === 0 && show(reading.answer) === answer) {
      this.#places.push({ call, revision, wrote: false });
      return;
    }
    if (writing && writing.events.length > 0) {
      this.#wrong(
        this.#isAt(writing, revision) ? 'an answer is not what it should be' : 'an acknowledged write is not in the log',
        `${showCall(call)}; at ${revision} it should be ${show(writing.answer)}`,
      );
    } else {
      this.#wrong('an answer is not what it should be', `${showCall(call)}; at ${revision} it is ${show(reading?.answer)}`);
    }
  }

  #placeRevocation(call: Extract<Call, { method: 'LeaseRevoke' }>): void {
    const { revision } = (call.outcome as { response: { revision: Revision } }).response;
    if (this.#revokes(revision, call.request.id) && !this.#authors.has(revision)) this.#claim(call, revision);
    else if (!this.#holds(revision, call.request.id)) this.#places.push({ call, revision, wrote: false });
    else this.#wrong('an acknowledged write is not in the log', showCall(call));
  }

  /** Commits that nobody was told of: by calls whose outcome is unknown, or by the end of a lease. */
  #placeTheRest(): void {
    const unknown = this.#calls('unknown').sort((a, b) => a.startedAt - b.startedAt);
    const { mayExpire = [] } = this.#history;
    // The ends of leases first: such a commit may look like somebody's delete.
    const open = this.#history.log.filter(
      ({ revision }) => !this.#authors.has(revision) && ![...mayExpire].some((lease) => this.#revokes(revision, lease)),
    );
    // Two deletes of one key look alike: who could have made either must leave to another the one that only that could.
    const authors = assign(open, ({ revision }) => {
      const seenAt = this.#seenAt(revision);
      return unknown.filter((call) => call.startedAt < seenAt && this.#couldBe(call, revision));
    });
    const claimed = new Set(authors.values());
    for (const commit of open) {
      const { revision, events } = commit;
      const author = authors.get(commit) ?? unknown.find((call) => !claimed.has(call) && this.#couldBe(call, revision));
      if (author) {
        claimed.add(author);
        this.#claim(author, revision);
        continue;
      }
      const refused = this.#calls('refused').find((call) => this.#couldBe(call, revision));
      const twice = this.#history.calls.find((call) => this.#couldBe(call, revision));
      if (refused) this.#wrong('a refused write took effect', `${revision}: ${showCall(refused)}`);
      else if (twice) this.#wrong('a write took effect twice', `${revision}: ${showCall(twice)}`);
      else this.#wrong('nobody asked for a commit', `${revision}: ${show(events)}`);
    }
  }

  /** When somebody had seen that commit for sure. */
  #seenAt(revision: Revision): number {
    const ends = this.#places.flatMap(({ call, revision: seen }) =>
      seen >= revision && call.outcome.type === 'ok' ? [call.endedAt] : [],
    );
    return Math.min(...ends);
  }

  #couldBe(call: Call, revision: Revision): boolean {
    if (call.method === 'LeaseRevoke') return this.#revokes(revision, call.request.id);
    if (!isKv(call) || call.method === 'Range') return false;
    const step = this.#replay(call, revision - 1);
    return step !== undefined && step.events.length > 0 && this.#isAt(step, revision);
  }

  #claim(call: Call, revision: Revision): void {
    const other = this.#authors.get(revision);
    if (other) {
      this.#wrong('two writes claim one revision', `${showCall(other)} and ${showCall(call)}`);
      return;
    }
    this.#authors.set(revision, call);
    this.#places.push({ call, revision, wrote: true });
  }

  /** Undefined: it would be refused there. */
  #replay(call: KvCall, revision: Revision): Step | undefined {
    try {
      return execute(call.method, call.request, revision, this.#states);
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  #isAt(step: Step, revision: Revision): boolean {
    const inOrder = (events: Step['events']) => show([...events].sort((a, b) => (a.kv.key < b.kv.key ? -1 : 1)));
    return inOrder(step.events) === inOrder(this.#history.log[revision - 2]!.events);
  }

  #holds(revision: Revision, lease: bigint): boolean {
    return [...this.#states[revision - 1]!.values()].some((kv) => kv.lease === lease);
  }

  /** Whether the commit deletes all keys of the lease, and nothing else. */
  #revokes(revision: Revision, lease: bigint): boolean {
    if (revision < 2) return false;
    const keys = [...this.#states[revision - 2]!.values()].filter((kv) => kv.lease === lease).map(({ key }) => key);
    const { events } = this.#history.log[revision - 2]!;
    const deleted = new Set(events.flatMap(({ type, kv }) => (type === 'delete' ? [kv.key] : [])));
    return keys.length > 0 && keys.length === events.length && keys.every((key) => deleted.has(key));
  }

  #checkRealTime(): void {
    const ended = this.#places.filter(({ call }) => call.outcome.type === 'ok').sort((a, b) => a.call.endedAt - b.call.endedAt);
    const started = [...this.#places].sort((a, b) => a.call.startedAt - b.call.startedAt);
    let next = 0;
    let newest: Place | undefined;
    for (const place of started) {
      for (; next < ended.length && ended[next]!.call.endedAt < place.call.startedAt; next++) {
        if (!newest || ended[next]!.revision > newest.revision) newest = ended[next]!;
      }
      if (!newest) continue;
      if (place.wrote ? place.revision > newest.revision : place.revision >= newest.revision) continue;
      if (!place.wrote && isSerializable(place.call)) continue;
      const rule = place.wrote
        ? 'what was seen had not been asked for yet, or commits are not in the order of time'
        : 'a stale read';
      this.#wrong(rule, `${showCall(place.call)}, although before it ${showCall(newest.call)}`);
    }
  }

  /** Serializable reads, too, never go back behind what the same client saw. */
  #checkSessions(): void {
    const byClient = new Map<string, Place[]>();
    for (const place of this.#places) {
      const places = byClient.get(place.call.client);
      if (places) places.push(place);
      else byClient.set(place.call.client, [place]);
    }
    for (const places of byClient.values()) {
      for (const later of places.filter(({ call }) => isSerializable(call))) {
        const newer = places.find(
          ({ call, revision }) => call.outcome.type === 'ok' && call.endedAt < later.call.startedAt && revision > later.revision,
        );
        if (newer) this.#wrong('a client went back in time', `${showCall(newer.call)} and then ${showCall(later.call)}`);
      }
    }
  }

  /** A refusal must have been right at some moment of the call. */
  #checkRefusals(): void {
    for (const call of this.#calls('refused')) {
      const { error } = call.outcome as { error: string };
      if (!isKv(call) || !(error.includes('key not found') || error.includes('future revision'))) continue;
      const [newest, last] = this.#window(call);
      const first = isSerializable(call) ? 1 : newest;
      let right = false;
      for (let revision = first; revision <= last && !right; revision++) {
        try {
          execute(call.method, call.request, revision, this.#states);
        } catch (refusal) {
          if (!(refusal instanceof Refusal)) throw refusal;
          right = refusal.message === error;
        }
      }
      if (!right) this.#wrong('a refusal is wrong', `${showCall(call)} between ${first} and ${last}`);
    }
  }

  /** The revisions that may have been the newest while the call went on. */
  #window({ startedAt, endedAt }: Call): [first: Revision, last: Revision] {
    let [first, last] = [1, 1];
    for (const { call, revision, wrote } of this.#places) {
      if (call.outcome.type === 'ok' && call.endedAt < startedAt) first = Math.max(first, revision);
      if (wrote && call.startedAt < endedAt) last = Math.max(last, revision);
    }
    last = Math.max(first, last);
    // What nobody asked for, as the end of a lease, may have been there as well.
    while (last < this.#states.length && !this.#authors.has(last + 1)) last++;
    return [first, last];
  }

  #checkCompactions(): void {
    const compactions = this.#history.calls.filter((call) => call.method === 'Compact' && call.outcome.type !== 'refused');
    for (const call of this.#history.calls) {
      if (call.method !== 'Range' || call.request.revision <= 0) continue;
      const { revision, serializable } = call.request;
      const newer = compactions.filter((each) => (each.request as { revision: Revision }).revision > revision);
      if (call.outcome.type === 'refused' && call.outcome.error.includes('compacted')) {
        if (!newer.some((each) => each.startedAt < call.endedAt)) this.#wrong('a refusal is wrong', showCall(call));
      } else if (call.outcome.type === 'ok' && !serializable) {
        const before = newer.find((each) => each.outcome.type === 'ok' && each.endedAt < call.startedAt);
        if (before) this.#wrong('a compacted revision was read', `${showCall(call)}, after ${showCall(before)}`);
      }
    }
  }
}

function isKv(call: Call): call is KvCall {
  return call.method === 'Range' || call.method === 'Put' || call.method === 'DeleteRange' || call.method === 'Txn';
}

/** As etcd decides: a transaction is, if all it has are such ranges. */
function isSerializable(call: Call): boolean {
  if (call.method === 'Range') return call.request.serializable;
  if (call.method !== 'Txn') return false;
  const operations = [...call.request.success, ...call.request.failure];
  return operations.length > 0 && operations.every((each) => each?.type === 'range' && each.request.serializable);
}
