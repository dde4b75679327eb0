import type { ChangeEvent, Key, KeyValue, Revision } from './types.ts';

const EMPTY = new Uint8Array(0);

/**
 * One version of a key, linked to the one that it superseded. The link is private to this file, so that a version is to its readers a
 * plain KeyValue. A version with number 0 is a deletion.
 *
 * There are as many of them as there were puts, so what each makes the garbage collector look after counts: of the value only the place in its block of
 * memory is kept. A typed array for each took as much again as all else.
 */
export class Version implements KeyValue {
  readonly key: Key;
  readonly #block: ArrayBufferLike;
  readonly #offset: number;
  readonly #length: number;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly lease: bigint;
  #older: Version | undefined;

  constructor(
    key: Key,
    value: Uint8Array,
    createRevision: Revision,
    modRevision: Revision,
    version: number,
    lease: bigint,
    older: Version | undefined,
  ) {
    this.key = key;
    this.#block = value.buffer;
    this.#offset = value.byteOffset;
    this.#length = value.length;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.version = version;
    this.lease = lease;
    this.#older = older;
  }

  get value(): Uint8Array {
    return new Uint8Array(this.#block, this.#offset, this.#length);
  }

  /** The value is no field of its own: who tells or compares versions field by field would miss it. */
  toJSON(): KeyValue {
    const { key, value, createRevision, modRevision, version, lease } = this;
    return { key, value, createRevision, modRevision, version, lease };
  }

  static deletion(key: Key, revision: Revision, older: Version | undefined): Version {
    return new Version(key, EMPTY, 0, revision, 0, 0n, older);
  }

  /** The newest version at `revision`, starting from `head`; undefined if the key wasn't there. */
  static at(head: Version | undefined, revision: Revision): Version | undefined {
    let version = head;
    while (version && version.modRevision > revision) version = version.#older;
    return version && version.version > 0 ? version : undefined;
  }

  /** What was there before, if anything was and it isn't forgotten. */
  static before(version: Version): Version | undefined {
    const older = version.#older;
    return older && older.version > 0 ? older : undefined;
  }

  /** Forgets everything older than `version`, calling back for each. */
  static forgetOlder(version: Version, forgotten: (older: Version) => void): void {
    for (let older = version.#older; older; older = older.#older) forgotten(older);
    version.#older = undefined;
  }

  /** What it says, without what it costs to keep. */
  get bytes(): number {
    return this.key.length + this.#length;
  }
}

/** What happened when a version came about. It shares memory with the state. */
export function eventOf(kv: Version): ChangeEvent {
  return { type: kv.version > 0 ? 'put' : 'delete', kv, prev: Version.before(kv) };
}
