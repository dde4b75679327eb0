import { type DataKey, type DataKeys, keyGone } from '../data-key.ts';

/** Data keys for tests that need some, without a store: each organisation's first key is made when it is first wanted. */
export function memoryDataKeys(): DataKeys {
  const rings = new Map<string, DataKey[]>();
  return {
    ring: (tenant) => ({
      current: rings.get(tenant)?.at(-1),
      get: (id) => rings.get(tenant)?.find((key) => key.id === id),
    }),
    async load(tenant, { id, create = false } = {}) {
      if (create && !rings.has(tenant)) rings.set(tenant, [{ id: 1, bytes: crypto.getRandomValues(new Uint8Array(32)) }]);
      if (id !== undefined && !this.ring(tenant).get(id)) throw keyGone(id);
    },
  };
}
