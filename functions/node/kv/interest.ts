/** How long a host is told of news after it asked to be, ms; it asks again well before. */
export const INTEREST_MS = 10 * 60_000;

/** Which hosts of a cluster use its key-value store now: only they are told of commits. */
export interface KvInterest {
  /** `until`: ms since the epoch. */
  mark(tenant: string, cluster: string, nodeName: string, until: number): Promise<void>;
  nodes(tenant: string, cluster: string, now: number): Promise<string[]>;
}

/** For one process that holds all connections: a host whose connection ends asks again when it has a new one. */
export function memoryInterest(): KvInterest {
  const clusters = new Map<string, Map<string, number>>();
  return {
    async mark(tenant, cluster, nodeName, until) {
      const key = `${tenant} ${cluster}`;
      const nodes = clusters.get(key) ?? new Map<string, number>();
      clusters.set(key, nodes.set(nodeName, until));
    },
    async nodes(tenant, cluster, now) {
      const key = `${tenant} ${cluster}`;
      const nodes = clusters.get(key);
      if (!nodes) return [];
      for (const [name, until] of nodes) if (until <= now) nodes.delete(name);
      if (nodes.size === 0) clusters.delete(key);
      return [...nodes.keys()];
    },
  };
}
