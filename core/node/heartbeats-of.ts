import { TOLD_MAX } from '../network/watch-round.ts';
import type { InboxItem } from '../ports/inbox.ts';
import type { Heartbeat } from './heartbeat.ts';

/**
 * Heartbeats by node name. Nobody can have been heard before `listeningSince`, ms since the epoch, when the process that holds
 * the push connections started: silence counts from then on, and connections from before are lost.
 */
export function heartbeatsOf(items: readonly InboxItem[], listeningSince = 0): Map<string, Heartbeat> {
  return new Map(items.map((item) => [item.nodeName, heartbeatOf(item, listeningSince)]));
}

function heartbeatOf({ receivedAt, report, lostAt }: InboxItem, listeningSince: number): Heartbeat {
  const before = receivedAt < listeningSince;
  const at = Math.max(receivedAt, listeningSince);
  const lost = before ? Math.max(lostAt ?? 0, listeningSince) : lostAt;
  const { withinSeconds, leaseSeconds, suspects } = report;
  return {
    at,
    ...(withinSeconds !== undefined && { withinSeconds }),
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(lost !== undefined && { lostAt: lost }),
    ...(suspects && {
      suspects: suspects.map(({ node, since, told }) => ({
        node,
        // Nobody knows of it before he says so. Who says it again means now: the host may have answered the control plane between, and died. In the
        // end he has said it often enough: on a path that stays broken, that is no news.
        since: told < TOLD_MAX ? receivedAt : Math.min(since, receivedAt),
      })),
    }),
  };
}
