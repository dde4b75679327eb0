import type { Report } from '../node/report.ts';

/** A host's latest report, outside the log: one item a host, overwritten (DESIGN 1). */
export interface InboxItem {
  readonly nodeName: string;
  /** When the control plane received it, ms since the epoch: the heartbeat. */
  readonly receivedAt: number;
  readonly report: Report;
}

export interface Inbox {
  put(tenant: string, cluster: string, item: InboxItem): Promise<void>;
  list(tenant: string, cluster: string): Promise<InboxItem[]>;
  delete(tenant: string, cluster: string, nodeName: string): Promise<void>;
}
