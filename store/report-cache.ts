import type { Report } from '../core/node/report.ts';

/** Reports that this process has read, with their fingerprints: a run then reads only those that changed since the last one. */
export interface ReportCache {
  /** Node name -> report; the cluster counts as the one used last. */
  of(tenant: string, cluster: string): Map<string, KnownReport>;
  /** Forgets other nodes of the cluster, and the clusters used least recently when all together hold too many. */
  keep(tenant: string, cluster: string, nodeNames: ReadonlySet<string>): void;
}

export interface KnownReport {
  readonly fp: string;
  readonly report: Report;
}

/** Of some KB each: a part of a function's memory. */
const REPORTS_MAX = 20_000;

export function reportCache(reportsMax = REPORTS_MAX): ReportCache {
  const clusters = new Map<string, Map<string, KnownReport>>();
  return {
    of(tenant, cluster) {
      const id = `${tenant} ${cluster}`;
      const known = clusters.get(id) ?? new Map<string, KnownReport>();
      clusters.delete(id);
      clusters.set(id, known);
      return known;
    },
    keep(tenant, cluster, nodeNames) {
      const current = clusters.get(`${tenant} ${cluster}`);
      for (const name of current?.keys() ?? []) if (!nodeNames.has(name)) current!.delete(name);
      let count = Array.from(clusters.values()).reduce((sum, { size }) => sum + size, 0);
      for (const [id, { size }] of [...clusters].slice(0, -1)) {
        if (count <= reportsMax) return;
        count -= size;
        clusters.delete(id);
      }
    },
  };
}
