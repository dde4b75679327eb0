import type { ChangeEvent, Revision, RevisionEvents } from './types.ts';
import type { VersionEvent } from './version.ts';

export interface VersionEvents extends RevisionEvents {
  readonly events: readonly VersionEvent[];
}

/** Dropped slots are given back in blocks of at least this many, so that dropping is cheap. */
const SLACK_MIN = 1024;

/** What happened at each revision that is still kept: consecutive revisions, the oldest first. */
export class History {
  #steps: (VersionEvents | undefined)[] = [];
  #dropped = 0;
  #nextRevision: Revision;

  /** `nextRevision`: of the first step that will be added. */
  constructor(nextRevision: Revision) {
    this.#nextRevision = nextRevision;
  }

  /** The oldest revision kept, or the next one if none is. */
  get first(): Revision {
    return this.#nextRevision - this.length;
  }

  get length(): number {
    return this.#steps.length - this.#dropped;
  }

  add(step: VersionEvents): void {
    this.#steps.push(step);
    this.#nextRevision = step.revision + 1;
  }

  /** Puts a step before all others: for loading a snapshot, whose steps begin at the compaction revision. */
  restoreOldest(step: VersionEvents): void {
    this.#steps.unshift(step);
  }

  at(revision: Revision): VersionEvents | undefined {
    return revision < this.first ? undefined : this.#steps[this.#dropped + revision - this.first];
  }

  /** Drops what is older than `revision`, handing each event to `forget`; `revision` itself keeps its events without `prev`. */
  dropBefore(revision: Revision, forget: (event: VersionEvent) => void): void {
    while (this.length > 0 && this.first <= revision) {
      const step = this.#steps[this.#dropped]!;
      for (const event of step.events) forget(event);
      if (step.revision === revision) {
        this.#steps[this.#dropped] = { revision, events: step.events.map(withoutPrevious) };
        break;
      }
      this.#steps[this.#dropped++] = undefined;
    }
    if (this.#dropped < SLACK_MIN || this.#dropped < this.#steps.length / 2) return;
    this.#steps = this.#steps.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** The steps from `revision` on, as of now. */
  since(revision: Revision): readonly VersionEvents[] {
    return this.#steps.slice(this.#dropped + Math.max(0, revision - this.first)) as VersionEvents[];
  }
}

function withoutPrevious<E extends ChangeEvent>(event: E): E {
  return { ...event, prev: undefined };
}
