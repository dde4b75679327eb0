import type { Revision, RevisionEvents } from './types.ts';
import { eventOf, type Version } from './version.ts';

/** Dropped slots are given back in blocks of at least this many, so that dropping is cheap. */
const SLACK_MIN = 1024;

/** The versions of one revision: mostly a single one, which then needs no list. */
type Step = Version | readonly Version[];

const NONE: readonly Version[] = [];

/**
 * What happened at each revision that is still kept: consecutive revisions, the oldest first. Only versions are kept, which the state has
 * anyway; events are made from them when they are asked for.
 */
export class History {
  #steps: (Step | undefined)[] = [];
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

  /** The versions of the next revision. */
  add(versions: readonly Version[]): void {
    this.#steps.push(versions.length === 1 ? versions[0]! : versions.length === 0 ? NONE : versions);
    this.#nextRevision++;
  }

  /** Puts a step before all others: for loading a snapshot, whose steps begin at the compaction revision. */
  restoreOldest(versions: readonly Version[]): void {
    this.#steps.unshift(versions);
  }

  at(revision: Revision): RevisionEvents | undefined {
    const versions = this.versionsAt(revision);
    return versions && { revision, events: versions.map(eventOf) };
  }

  versionsAt(revision: Revision): readonly Version[] | undefined {
    if (revision < this.first) return undefined;
    const step = this.#steps[this.#dropped + revision - this.first];
    return step && versionsOf(step);
  }

  /** Drops what is older than `revision`, handing each version up to that to `forget`; the step of `revision` itself is kept. */
  dropBefore(revision: Revision, forget: (version: Version) => void): void {
    while (this.length > 0 && this.first <= revision) {
      versionsOf(this.#steps[this.#dropped]!).forEach(forget);
      if (this.first === revision) break;
      this.#steps[this.#dropped++] = undefined;
    }
    if (this.#dropped < SLACK_MIN || this.#dropped < this.#steps.length / 2) return;
    this.#steps = this.#steps.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** The versions of each step from `revision` on, as of now; nothing else is made of them, as there are many. */
  since(revision: Revision): Iterable<readonly Version[]> {
    const from = Math.max(revision, this.first);
    return versionsOfEach(this.#steps.slice(this.#dropped + from - this.first) as Step[]);
  }
}

function* versionsOfEach(steps: readonly Step[]): Generator<readonly Version[]> {
  for (const step of steps) yield versionsOf(step);
}

function versionsOf(step: Step): readonly Version[] {
  return 'key' in step ? [step] : step;
}
