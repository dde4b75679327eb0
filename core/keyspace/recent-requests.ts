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
  readonly revision: Revision;
  /** By the clock of its writer, ms; undefined: it comes from a snapshot, which doesn't tell. */
  readonly time: number | undefined;
}

/** Request ids that are in the log, with the revision at which each was committed, or FENCED. The oldest are forgotten first. */
export class RecentRequests {
  readonly #requests = new Map<string, Request>();
  /** Of the first entry after the snapshot: what that holds may be as recent. */
  #firstTime: number | undefined;

  add(id: string, revision: Revision, time?: number): void {
    this.#firstTime ??= time;
    this.#requests.delete(id);
    this.#requests.set(id, { revision, time });
    while (this.#requests.size > REQUESTS_MIN) {
      const [oldest, request] = this.#requests.entries().next().value!;
      if (this.#requests.size <= REQUESTS_MAX && this.#isRecent(request, time)) return;
      this.#requests.delete(oldest);
    }
  }

  get(id: string): Revision | undefined {
    return this.#requests.get(id)?.revision;
  }

  /** Oldest first. */
  entries(): [id: string, revision: Revision][] {
    return Array.from(this.#requests, ([id, { revision }]) => [id, revision]);
  }

  #isRecent(request: Request, now: number | undefined): boolean {
    const time = request.time ?? this.#firstTime;
    return time === undefined || now === undefined || now - time < REMEMBERED_MS;
  }
}
