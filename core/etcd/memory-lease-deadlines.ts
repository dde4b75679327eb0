import type { LeaseDeadline, LeaseDeadlines } from '../ports/lease-deadlines.ts';

/** Deadlines that end with the process: for tests and simulations. */
export function memoryLeaseDeadlines(): LeaseDeadlines {
  const items = new Map<bigint, LeaseDeadline>();
  return {
    list: async () => [...items.values()],
    get: async (id) => items.get(id),
    start: async (id, at) => void items.set(id, { id, at, revoking: false }),
    async renew(id, at) {
      const item = items.get(id);
      if (item?.revoking) return false;
      items.set(id, { id, at: Math.max(at, item?.at ?? at), revoking: false });
      return true;
    },
    async giveUp(id, at) {
      const item = items.get(id);
      if (item?.at !== at) return false;
      items.set(id, { id, at, revoking: true });
      return true;
    },
    forget: async (id) => void items.delete(id),
  };
}
