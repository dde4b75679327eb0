import { CompactedError } from './errors.ts';
import type { SortedMap } from './sorted-map.ts';
import type { Key, KeyValue, ReadView, Revision } from './types.ts';
import { Version } from './version.ts';

/** A ReadView that can also count. */
export interface View extends ReadView {
  /** How many keys there are in `from <= key < to`, without visiting them. */
  count(from: Key, to: Key): number;
}

/** What the views below need to know of the state that they were taken from. */
export interface ViewSource {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  get(key: Key): Version | undefined;
}

/** The state at the revision that was the newest when the view was taken. Can be read for ever. */
export class HeadView implements View {
  readonly revision: Revision;
  readonly #source: ViewSource;
  readonly #keys: SortedMap<Version>;

  constructor(source: ViewSource, keys: SortedMap<Version>) {
    this.revision = source.revision;
    this.#source = source;
    this.#keys = keys;
  }

  get(key: Key): KeyValue | undefined {
    // The state's hash index answers if the key hasn't changed since, which is nearly always.
    const newest = this.#source.get(key);
    if (newest ? newest.modRevision <= this.revision : this.#source.revision === this.revision) return newest;
    return this.#keys.get(key);
  }

  range(from: Key, to: Key): IterableIterator<KeyValue> {
    return this.#keys.range(from, to);
  }

  count(from: Key, to: Key): number {
    return this.#keys.count(from, to);
  }
}

/** The state at an older revision. Throws CompactedError once that revision is compacted. */
export class HistoricView implements View {
  readonly revision: Revision;
  readonly #source: ViewSource;
  readonly #live: SortedMap<Version>;
  readonly #dead: SortedMap<Version>;

  constructor(source: ViewSource, revision: Revision, live: SortedMap<Version>, dead: SortedMap<Version>) {
    this.revision = revision;
    this.#source = source;
    this.#live = live;
    this.#dead = dead;
  }

  get(key: Key): KeyValue | undefined {
    this.#assertKept();
    return Version.at(this.#live.get(key) ?? this.#dead.get(key), this.revision);
  }

  /** Walks the keys that exist and those that were deleted side by side: no key is in both. */
  *range(from: Key, to: Key): IterableIterator<KeyValue> {
    const live = this.#live.range(from, to);
    const dead = this.#dead.range(from, to);
    let nextLive = live.next();
    let nextDead = dead.next();
    while (!nextLive.done || !nextDead.done) {
      this.#assertKept();
      const takeLive = !nextLive.done && (nextDead.done || nextLive.value.key < nextDead.value.key);
      const head: Version = takeLive ? nextLive.value! : nextDead.value!;
      if (takeLive) nextLive = live.next();
      else nextDead = dead.next();
      const version = Version.at(head, this.revision);
      if (version) yield version;
    }
  }

  count(from: Key, to: Key): number {
    let count = 0;
    for (const _ of this.range(from, to)) count++;
    return count;
  }

  #assertKept(): void {
    if (this.revision < this.#source.compactRevision) throw new CompactedError(this.#source.compactRevision);
  }
}
