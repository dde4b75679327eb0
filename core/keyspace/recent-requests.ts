import type { Revision } from './types.ts';

/** How many of the newest request ids are remembered: retries come within minutes, so this is ample and bounded. */
export const REQUESTS_MAX = 16_384;

/** Request ids that are in the log, with the revision at which each was committed. The oldest are forgotten first. */
export class RecentRequests {
  readonly #revisions = new Map<string, Revision>();

  add(id: string, revision: Revision): void {
    this.#revisions.delete(id);
    this.#revisions.set(id, revision);
    if (this.#revisions.size <= REQUESTS_MAX) return;
    for (const oldest of this.#revisions.keys()) {
      this.#revisions.delete(oldest);
      return;
    }
  }

  get(id: string): Revision | undefined {
    return this.#revisions.get(id);
  }

  /** Oldest first. */
  entries(): [id: string, revision: Revision][] {
    return [...this.#revisions];
  }
}
