import { TOLD_MAX } from '../network/watch-round.ts';
import type { InboxItem } from '../ports/inbox.ts';
import type { Heartbeat } from './heartbeat.ts';

/**
 * Heartbeats by node name, in the time of a clock that is at `now` (ms since the epoch), as it was when the items began to be read. What was
 * measured is told in that time, whatever the clock was when the report came.
 */
export function heartbeatsOf(items: readonly InboxItem[], now: number): Map<string, Heartbeat> {
  return new Map(items.map((item) => [item.nodeName, heartbeatOf(item, now)]));
}

function heartbeatOf({ receivedAt, report, lostAt, unheard }: InboxItem, now: number): Heartbeat {
  // Rounded up: later is always safe.
  const before = (ms: number) => Math.ceil(now - ms);
  const at = unheard ? before(unheard.heardMsAgo) : receivedAt;
  const lost = unheard ? unheard.lostMsAgo !== undefined && before(unheard.lostMsAgo) : lostAt;
  const { withinSeconds, leaseSeconds, suspects } = report;
  return {
    at,
    ...(unheard && { moved: unheard.moved }),
    ...(withinSeconds !== undefined && { withinSeconds }),
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(typeof lost === 'number' && { lostAt: lost }),
    ...(suspects && {
      suspects: suspects.map(({ node, since, told }) => ({
        node,
        // Nobody knows of it before he says so. Who says it again means now: the host may have answered the control plane between, and died. In the
        // end he has said it often enough: on a path that stays broken, that is no news.
        since: told < TOLD_MAX ? at : Math.min(since, at),
      })),
    }),
  };
}
