import type { ChangeEvent, Key, Revision, RevisionEvents } from '../keyspace/types.ts';
import { type Interval, intervalOf } from './key-range.ts';
import { fragmentsOf } from './watch-fragments.ts';
import { WatchIndex } from './watch-index.ts';
import type { WatchAnswer, WatchCreateRequest } from './watch.ts';

interface Watch {
  readonly id: number;
  readonly interval: Interval;
  readonly request: WatchCreateRequest;
  /** The next revision that it is to see. */
  next: Revision;
  /** Something was sent since the last call of `notify`. */
  active: boolean;
}

/** A stream holds no more: each costs memory of ours. */
const WATCHES_MAX = 100_000;

const NO_WATCH = -1;
const FIRST_KEY: Key = '\0';
const SLOW = 'etcdserver: mvcc: required revision has been compacted';

/**
 * One client's watches, as a state machine: it takes requests, and the revisions of the keyspace in order; it gives what to answer.
 * Most watches are level with each other: `deliver` takes them on by one revision. Those that start in the past are behind, and are led
 * through the past by `catchUp` until they are level with the rest.
 */
export class WatchStream {
  readonly #watches = new Map<number, Watch>();
  readonly #level = new WatchIndex<Watch>();
  readonly #behind = new Set<Watch>();
  readonly #behindIndex = new WatchIndex<Watch>();
  #next: Revision;
  #nextId = 0;
  /** Undefined: nobody asked. Else to be answered once everything up to it was delivered. */
  #progressOf: Revision | undefined;

  /** `head`: the newest revision, of which a watch that is made now sees nothing. */
  constructor(head: Revision) {
    this.#next = head + 1;
  }

  /** The revision to `deliver` next. */
  get next(): Revision {
    return this.#next;
  }

  /** The revision to go on with in `catchUp`; undefined: no watch is behind. */
  get behindFrom(): Revision | undefined {
    let from: Revision | undefined;
    for (const { next } of this.#behind) if (from === undefined || next < from) from = next;
    return from;
  }

  /** False: nothing is to be expected any more. */
  get watching(): boolean {
    return this.#watches.size > 0;
  }

  /** Nobody watches, so nothing up to `head` is of interest. */
  skipTo(head: Revision): void {
    if (!this.watching) this.#next = Math.max(this.#next, head + 1);
  }

  create(request: WatchCreateRequest, head: Revision): WatchAnswer {
    const refuse = (cancelReason: string): WatchAnswer => {
      return { watchId: NO_WATCH, revision: head, created: true, canceled: true, cancelReason };
    };
    const interval = intervalOf({ key: request.key || FIRST_KEY, rangeEnd: request.rangeEnd });
    if (interval.from >= interval.to) return refuse('mvcc: watcher range is empty');
    if (request.watchId !== 0 && this.#watches.has(request.watchId))
      return refuse('mvcc: duplicate watch ID provided on the WatchStream');
    if (this.#watches.size >= WATCHES_MAX) return refuse('etcdserver: too many requests');
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    const start = request.startRevision === 0 ? head + 1 : Math.max(request.startRevision, 0);
    const watch: Watch = { id, interval, request, next: start, active: false };
    this.#watches.set(id, watch);
    if (start < this.#next) {
      this.#behind.add(watch);
      this.#behindIndex.add(watch);
    } else this.#level.add(watch);
    return { watchId: id, revision: head, created: true };
  }

  /** Undefined: there is no such watch, which etcd doesn't answer. */
  cancel(watchId: number, head: Revision): WatchAnswer | undefined {
    const watch = this.#watches.get(watchId);
    if (!watch) return undefined;
    this.#forget(watch);
    return { watchId, revision: head, canceled: true };
  }

  /** Asks for a report of progress that covers `head`. */
  requestProgress(head: Revision): void {
    this.#progressOf = Math.max(this.#progressOf ?? 0, head);
  }

  /** The report, if it is due: everything that it covers was delivered to every watch, and none starts later than that. */
  progress(): WatchAnswer | undefined {
    const wanted = this.#progressOf;
    if (wanted === undefined || this.#behind.size > 0) return undefined;
    if (this.#next <= wanted || this.#startsLater()) return undefined;
    this.#progressOf = undefined;
    return { watchId: NO_WATCH, revision: this.#next - 1 };
  }

  /** How far each watch has come that asked to be told and got nothing since the last time. */
  notify(): WatchAnswer[] {
    const answers: WatchAnswer[] = [];
    for (const watch of this.#watches.values()) {
      if (!watch.request.progressNotify || watch.next > this.#next || this.#behind.has(watch)) continue;
      if (!watch.active) answers.push({ watchId: watch.id, revision: this.#next - 1 });
      watch.active = false;
    }
    return answers;
  }

  /** The next revision, for the watches that are level. A revision is never split: its events for a watch are one answer. */
  deliver({ revision, events }: RevisionEvents): WatchAnswer[] {
    this.#next = revision + 1;
    const seen = new Map<Watch, ChangeEvent[]>();
    for (const event of events) {
      for (const watch of this.#level.of(event.kv.key)) {
        if (watch.next <= revision && passes(watch, event)) append(seen, watch, event);
      }
    }
    return answersOf(seen, revision);
  }

  /** Consecutive revisions of the past, from `behindFrom` on, for the watches that are behind. Answers carry several revisions. */
  catchUp(steps: readonly RevisionEvents[]): WatchAnswer[] {
    const seen = new Map<Watch, ChangeEvent[]>();
    for (const { revision, events } of steps) {
      for (const event of events) {
        for (const watch of this.#behindIndex.of(event.kv.key)) {
          if (watch.next <= revision && passes(watch, event)) append(seen, watch, event);
        }
      }
    }
    const reached = (steps.at(-1)?.revision ?? 0) + 1;
    for (const watch of this.#behind) {
      watch.next = Math.max(watch.next, reached);
      if (watch.next < this.#next) continue;
      this.#behind.delete(watch);
      this.#behindIndex.delete(watch);
      this.#level.add(watch);
    }
    return answersOf(seen, this.#next - 1);
  }

  /** Cancels the watches that still needed something older than what is kept; the others go on. */
  compacted(compactRevision: Revision): WatchAnswer[] {
    const lost: WatchAnswer[] = [];
    for (const watch of this.#watches.values()) {
      const isBehind = this.#behind.has(watch);
      const next = isBehind ? watch.next : Math.max(watch.next, this.#next);
      if (next >= compactRevision) continue;
      this.#forget(watch);
      const answer = { watchId: watch.id, revision: 0, canceled: true, compactRevision } as const;
      // Who asked for too old a revision knows why; who was too slow is told.
      lost.push(isBehind ? answer : { ...answer, cancelReason: SLOW });
    }
    this.#next = Math.max(this.#next, compactRevision);
    return lost;
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.id);
    if (this.#behind.delete(watch)) this.#behindIndex.delete(watch);
    else this.#level.delete(watch);
  }

  #startsLater(): boolean {
    for (const { next } of this.#watches.values()) if (next > this.#next) return true;
    return false;
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }
}

const FILTER = { put: 'NOPUT', delete: 'NODELETE' } as const;

function passes({ request }: Watch, { type }: ChangeEvent): boolean {
  return !request.filters.includes(FILTER[type]);
}

function append(seen: Map<Watch, ChangeEvent[]>, watch: Watch, event: ChangeEvent): void {
  const events = seen.get(watch);
  if (events) events.push(event);
  else seen.set(watch, [event]);
}

function answersOf(seen: ReadonlyMap<Watch, ChangeEvent[]>, revision: Revision): WatchAnswer[] {
  return Array.from(seen).flatMap(([watch, events]) => {
    watch.active = true;
    const { fragment, prevKv } = watch.request;
    const answer = { watchId: watch.id, revision, events, prevKv };
    return fragment ? fragmentsOf(answer) : [answer];
  });
}
