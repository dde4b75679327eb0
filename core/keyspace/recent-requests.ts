import { Queue } from './queue.ts';
import type { Revision } from './types.ts';

/** So many of the newest request ids are remembered however old they are. */
export const REQUESTS_MIN = 16_384;
/** Beyond that, those of the last so many ms: longer than a host goes on trying, and a writer to learn what became of an append. */
export const REMEMBERED_MS = 30_000;
/** Bounds what a busy store takes for it: at 37,000 calls a second those of the last 7 s, for which a host sends a call again. */
export const REQUESTS_MAX = 262_144;

/** Stands in place of a revision: the request was answered, nothing was changed, and nothing must be changed by it any more. */
export const FENCED: Revision = 0;

interface Request {
  readonly id: string;
  readonly revision: Revision;
  /** By the clock of its writer, ms; undefined: it comes from a snapshot, which doesn't tell. */
  readonly time: number | undefined;
}

/** Request ids that are in the log, with the revision at which each was committed, or FENCED. The oldest are forgotten first. */
export class RecentRequests {
  readonly #requests = new Map<string, Request>();
  /** The oldest first. A Map knows that too, but its first one takes longer to find with each that was deleted before it. */
  readonly #order = new Queue<Request>();
  /** Of the first entry after the snapshot: what that holds may be as recent. */
  #firstTime: number | undefined;

  add(id: string, revision: Revision, time?: number): void {
    this.#firstTime ??= time;
    const added: Request = { id, revision, time };
    this.#requests.set(id, added);
    this.#order.push(added);
    // One whose id came again is there twice.
    while (this.#order.length > REQUESTS_MIN) {
      const oldest = this.#order.first!;
      const counts = this.#requests.get(oldest.id) === oldest;
      if (counts && this.#requests.size <= REQUESTS_MIN) return;
      if (counts && this.#requests.size <= REQUESTS_MAX && this.#isRecent(oldest, time)) return;
      this.#order.shift();
      if (counts) this.#requests.delete(oldest.id);
    }
  }

  get(id: string): Revision | undefined {
    return this.#requests.get(id)?.revision;
  }

  /** Oldest first. */
  entries(): [id: string, revision: Revision][] {
    const entries: [string, Revision][] = [];
    for (const request of this.#order) {
      if (this.#requests.get(request.id) === request) entries.push([request.id, request.revision]);
    }
    return entries;
  }

  #isRecent(request: Request, now: number | undefined): boolean {
    const time = request.time ?? this.#firstTime;
    return time === undefined || now === undefined || now - time < REMEMBERED_MS;
  }
}
