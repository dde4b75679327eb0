import type { ChangeEvent, Key, Revision, RevisionEvents } from '../keyspace/types.ts';
import { type Interval, intervalOf } from './key-range.ts';
import type { KeyRange } from './requests.ts';

export interface WatchCreateRequest extends KeyRange {
  /** 0: only what happens from now on. */
  readonly startRevision: Revision;
  readonly progressNotify: boolean;
  readonly filters: readonly ('NOPUT' | 'NODELETE' | undefined)[];
  readonly prevKv: boolean;
  /** 0: the stream chooses. */
  readonly watchId: number;
}

export interface WatchAnswer {
  /** -1: of no watch in particular. */
  readonly watchId: number;
  /** The header's; 0 where etcd gives none. */
  readonly revision: Revision;
  readonly created?: true;
  readonly canceled?: true;
  readonly cancelReason?: string;
  /** With `canceled`: the oldest revision that a watch can start from. */
  readonly compactRevision?: Revision;
  readonly events?: readonly ChangeEvent[];
  /** Whether events carry what was there before. */
  readonly prevKv?: boolean;
}

interface Watch {
  readonly id: number;
  readonly interval: Interval;
  readonly start: Revision;
  readonly request: WatchCreateRequest;
}

const NO_WATCH = -1;
const FIRST_KEY: Key = '\0';

/**
 * One client's watches, as a state machine: it takes requests and, in order and without gaps from `next` on, every revision of the
 * keyspace; it gives what to answer. All watches of a stream have come equally far, so a progress report is never ahead of an event.
 */
export class WatchStream {
  readonly #watches = new Map<number, Watch>();
  #next: Revision;
  #nextId = 0;
  #progressWanted = false;

  /** `head`: the newest revision, of which a watch that is made now sees nothing. */
  constructor(head: Revision) {
    this.#next = head + 1;
  }

  /** The revision to go on with. */
  get next(): Revision {
    return this.#next;
  }

  /** False: nothing is to be expected any more. */
  get watching(): boolean {
    return this.#watches.size > 0;
  }

  /** Watches of the past rewind the stream, so they all have to be made before the first `deliver`. */
  create(request: WatchCreateRequest, head: Revision): WatchAnswer {
    const refuse = (cancelReason: string): WatchAnswer => {
      return { watchId: NO_WATCH, revision: head, created: true, canceled: true, cancelReason };
    };
    const interval = intervalOf({ key: request.key || FIRST_KEY, rangeEnd: request.rangeEnd });
    if (interval.from >= interval.to) return refuse('mvcc: watcher range is empty');
    if (request.watchId !== 0 && this.#watches.has(request.watchId))
      return refuse('mvcc: duplicate watch ID provided on the WatchStream');
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    const start = request.startRevision === 0 ? head + 1 : Math.max(request.startRevision, 0);
    this.#watches.set(id, { id, interval, start, request });
    this.#next = Math.min(this.#next, start);
    return { watchId: id, revision: head, created: true };
  }

  /** Undefined: there is no such watch, which etcd doesn't answer. */
  cancel(watchId: number, head: Revision): WatchAnswer | undefined {
    if (!this.#watches.delete(watchId)) return undefined;
    return { watchId, revision: head, canceled: true };
  }

  requestProgress(): void {
    this.#progressWanted = true;
  }

  /** The answer to `requestProgress`, once everything up to `head` was delivered, and no watch starts later than that. */
  progress(head: Revision): WatchAnswer | undefined {
    if (!this.#progressWanted || this.#next <= head || this.#startsLater()) return undefined;
    this.#progressWanted = false;
    return { watchId: NO_WATCH, revision: this.#next - 1 };
  }

  /** How far each watch that asked to be told has come: for when nothing has happened for a while. */
  notify(): WatchAnswer[] {
    return [...this.#watches.values()]
      .filter(({ request, start }) => request.progressNotify && start <= this.#next)
      .map(({ id }) => ({ watchId: id, revision: this.#next - 1 }));
  }

  /** A revision is never split: its events for a watch are one answer. */
  deliver({ revision, events }: RevisionEvents): WatchAnswer[] {
    this.#next = revision + 1;
    const answers: WatchAnswer[] = [];
    for (const { id, interval, start, request } of this.#watches.values()) {
      if (start > revision) continue;
      const seen = events.filter(({ type, kv }) => isIn(kv.key, interval) && !request.filters.includes(FILTER[type]));
      if (seen.length > 0) answers.push({ watchId: id, revision, events: seen, prevKv: request.prevKv });
    }
    return answers;
  }

  /** Cancels the watches that still needed something older than what is kept; the others go on. */
  compacted(compactRevision: Revision): WatchAnswer[] {
    const lost = [...this.#watches.values()].filter(({ start }) => Math.max(start, this.#next) < compactRevision);
    for (const { id } of lost) this.#watches.delete(id);
    this.#next = Math.max(this.#next, compactRevision);
    return lost.map(({ id }) => ({ watchId: id, revision: 0, canceled: true, compactRevision }));
  }

  #startsLater(): boolean {
    return [...this.#watches.values()].some(({ start }) => start > this.#next);
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }
}

const FILTER = { put: 'NOPUT', delete: 'NODELETE' } as const;

function isIn(key: Key, { from, to }: Interval): boolean {
  return key >= from && key < to;
}
