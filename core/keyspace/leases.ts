import type { Key } from './types.ts';

/** A lease as the log knows it: that it exists, for how long each keep-alive is good, and its keys. Deadlines are kept elsewhere. */
export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly keys: ReadonlySet<Key>;
}

export class Leases {
  readonly #byId = new Map<bigint, Lease & { readonly keys: Set<Key> }>();

  get(id: bigint): Lease | undefined {
    return this.#byId.get(id);
  }

  all(): Lease[] {
    return [...this.#byId.values()];
  }

  grant(id: bigint, ttlSeconds: number): void {
    this.#byId.set(id, { id, ttlSeconds, keys: new Set() });
  }

  revoke(id: bigint): void {
    this.#byId.delete(id);
  }

  attach(id: bigint, key: Key): void {
    if (id !== 0n) this.#byId.get(id)?.keys.add(key);
  }

  detach(id: bigint, key: Key): void {
    if (id !== 0n) this.#byId.get(id)?.keys.delete(key);
  }
}
