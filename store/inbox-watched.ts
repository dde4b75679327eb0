import { reportFingerprint } from '../core/controllers/news.ts';
import type { Inbox } from '../core/ports/inbox.ts';

/** Called after a report was stored. `news` is false for one that says what the one before it said. */
export type OnReport = (tenant: string, cluster: string, nodeName: string, news: boolean) => void;

/** An inbox that tells of each report: the embedded control plane's stream. Knows only what went through it, so the first report is news. */
export function watchedInbox(inbox: Inbox, onReport: OnReport): Inbox {
  const last = new Map<string, string>();
  const idOf = (...parts: string[]) => JSON.stringify(parts);
  return {
    async put(tenant, cluster, item, loud = false) {
      const kept = await inbox.put(tenant, cluster, item, loud);
      const id = idOf(tenant, cluster, item.nodeName);
      const fingerprint = reportFingerprint(item.report);
      const news = loud || last.get(id) !== fingerprint;
      last.set(id, fingerprint);
      onReport(tenant, cluster, item.nodeName, news);
      return kept;
    },
    async markLost(tenant, cluster, nodeName, at) {
      await inbox.markLost(tenant, cluster, nodeName, at);
      // Not news to act on yet, but from now on the host's time is running.
      onReport(tenant, cluster, nodeName, true);
    },
    list: (tenant, cluster) => inbox.list(tenant, cluster),
    async delete(tenant, cluster, nodeName) {
      const leaseSeconds = await inbox.delete(tenant, cluster, nodeName);
      last.delete(idOf(tenant, cluster, nodeName));
      onReport(tenant, cluster, nodeName, true);
      return leaseSeconds;
    },
  };
}
