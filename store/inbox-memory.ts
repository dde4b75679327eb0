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
    put: async (tenant, cluster, item) => void itemsOf(tenant, cluster).set(item.nodeName, structuredClone(item)),
    list: async (tenant, cluster) =>
      [...itemsOf(tenant, cluster).values()]
        .sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1))
        .map((item) => structuredClone(item)),
    delete: async (tenant, cluster, nodeName) => void itemsOf(tenant, cluster).delete(nodeName),
  };
}
