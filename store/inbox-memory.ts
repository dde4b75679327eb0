import { atOnce, overtakenUntil } from '../core/node/heartbeat.ts';
import type { Inbox, InboxItem } from '../core/ports/inbox.ts';

/** An inbox that ends with the process: for tests and simulations. */
export function memoryInbox(): Inbox {
  const clusters = new Map<string, Map<string, InboxItem>>();
  const itemsOf = (tenant: string, cluster: string) => {
    const id = JSON.stringify([tenant, cluster]);
    const items = clusters.get(id) ?? new Map<string, InboxItem>();
    clusters.set(id, items);
    return items;
  };
  return {
    async put(tenant, cluster, { nodeName, receivedAt, report }) {
      const items = itemsOf(tenant, cluster);
      const there = items.get(nodeName);
      const later = there && there.receivedAt > receivedAt && there.receivedAt < overtakenUntil(receivedAt) ? there : undefined;
      const { withinSeconds, leaseSeconds } = later?.report ?? {};
      const lease = Math.max(report.leaseSeconds ?? 0, leaseSeconds ?? 0);
      const kept =
        later === undefined
          ? { nodeName, receivedAt, report }
          : atOnce(receivedAt, later.receivedAt)
            ? { nodeName, receivedAt: later.receivedAt, report: { ...report, ...(lease > 0 && { leaseSeconds: lease }) } }
            : { ...later, report: { ...report, withinSeconds, leaseSeconds } };
      items.set(nodeName, structuredClone(kept) as InboxItem);
      return there ? 'heartbeat' : 'report';
    },
    async markLost(tenant, cluster, nodeName, lostAt) {
      const item = itemsOf(tenant, cluster).get(nodeName);
      if (item) itemsOf(tenant, cluster).set(nodeName, { ...item, lostAt });
    },
    list: async (tenant, cluster) =>
      [...itemsOf(tenant, cluster).values()]
        .sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1))
        .map((item) => structuredClone(item)),
    async delete(tenant, cluster, nodeName) {
      const there = itemsOf(tenant, cluster).get(nodeName);
      itemsOf(tenant, cluster).delete(nodeName);
      return there?.report.leaseSeconds;
    },
  };
}
