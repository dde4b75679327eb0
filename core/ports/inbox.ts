import type { Unheard } from '../node/listening.ts';
import type { Report } from '../node/report.ts';

/** A host's latest report, outside the log: one item a host, overwritten. */
export interface InboxItem {
  readonly nodeName: string;
  /** When the control plane received it, ms since the epoch: the heartbeat. */
  readonly receivedAt: number;
  readonly report: Report;
  /** When the host's push connection ended, ms since the epoch, if it has not reported since. */
  readonly lostAt?: number;
  /** Of an inbox that measures silence itself: how long the host had been silent when the reading began. It holds, whatever the times say. */
  readonly unheard?: Unheard;
}

export type Kept = 'heartbeat' | 'report';

export interface Inbox {
  /**
   * `loud`: whoever watches is told, although the report says nothing new. Answers `heartbeat` where only the time of a report that lay there
   * already was moved: nothing is there that a `delete` before this would have taken away.
   */
  put(tenant: string, cluster: string, item: InboxItem, loud?: boolean): Promise<Kept>;
  /** The host's push connection ended; nothing for a host that never reported. */
  markLost(tenant: string, cluster: string, nodeName: string, at: number): Promise<void>;
  list(tenant: string, cluster: string): Promise<InboxItem[]>;
  /** Answers how long the lease lasts that its last report told of, seconds; undefined: nothing lay there, or it told of none. */
  delete(tenant: string, cluster: string, nodeName: string): Promise<number | undefined>;
}
