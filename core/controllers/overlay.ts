import { lowerBound } from '../keyspace/sorted-map.ts';
import type { Key, KeyValue, ReadView, TxnView } from '../keyspace/types.ts';

/**
 * Changes on top of a view, not yet in it: the controllers work here until they come to rest, and then all of it becomes
 * one transaction. Also a save point: an overlay on an overlay that is dropped leaves no trace.
 */
export class Overlay implements TxnView {
  readonly revision: number;
  readonly #base: ReadView;
  /** undefined = deleted. */
  readonly #written = new Map<Key, KeyValue | undefined>();
  /** Of what was written, ascending. */
  readonly #keys: Key[] = [];
  #bytes = 0;

  constructor(base: ReadView) {
    this.#base = base;
    this.revision = base.revision;
  }

  get(key: Key): KeyValue | undefined {
    return this.#written.has(key) ? this.#written.get(key) : this.#base.get(key);
  }

  *range(from: Key, to: Key): IterableIterator<KeyValue> {
    // A copy: who iterates may write meanwhile.
    const own = this.#keys.slice(lowerBound(this.#keys, from), lowerBound(this.#keys, to));
    let next = 0;
    for (const kv of this.#base.range(from, to)) {
      while (next < own.length && own[next]! < kv.key) {
        const added = this.#written.get(own[next++]!);
        if (added) yield added;
      }
      if (own[next] === kv.key) {
        const replaced = this.#written.get(own[next++]!);
        if (replaced) yield replaced;
      } else yield kv;
    }
    for (; next < own.length; next++) {
      const added = this.#written.get(own[next]!);
      if (added) yield added;
    }
  }

  put(key: Key, value: Uint8Array, lease = 0n): void {
    const before = this.get(key);
    this.#write(key, {
      key,
      value,
      lease,
      createRevision: before?.createRevision ?? this.revision + 1,
      modRevision: this.revision + 1,
      version: (before?.version ?? 0) + 1,
    });
  }

  delete(key: Key): boolean {
    const existed = this.get(key) !== undefined;
    if (existed) this.#write(key, undefined);
    return existed;
  }

  #write(key: Key, kv: KeyValue | undefined): void {
    if (this.#written.has(key)) this.#bytes -= sizeOf(key, this.#written.get(key));
    else this.#keys.splice(lowerBound(this.#keys, key), 0, key);
    this.#written.set(key, kv);
    this.#bytes += sizeOf(key, kv);
  }

  /** About what it takes in the log to write all this, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes over what an overlay on this one wrote. */
  absorb(inner: Overlay): void {
    for (const [key, kv] of inner.#written) this.#write(key, kv);
  }

  /** Keys written or deleted here, with what is at them now. */
  written(): IterableIterator<[Key, KeyValue | undefined]> {
    return this.#written.entries();
  }

  /** Writes what differs from the base: what was made and removed again, or put back, leaves no change. Returns how many. */
  writeTo(txn: TxnView): number {
    let count = 0;
    for (const [key, kv] of this.#written) {
      const before = txn.get(key);
      if (kv && before && sameBytes(kv.value, before.value) && kv.lease === before.lease) continue;
      if (kv) txn.put(key, kv.value, kv.lease);
      else if (!before) continue;
      else txn.delete(key);
      count++;
    }
    return count;
  }
}

const OPERATION_BYTES = 64;

function sizeOf(key: Key, kv: KeyValue | undefined): number {
  return OPERATION_BYTES + key.length + (kv?.value.length ?? 0);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, index) => byte === b[index]));
}
