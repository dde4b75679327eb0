import { unreachableMark } from '../../node/fencing.ts';
import type { UnitHost } from '../../resources/schema/unit.ts';
import { fencedWaitSeconds, refuge, replaceableAt } from '../node/eviction.ts';
import type { Node } from '../../resources/schema/node.ts';
import { HOST_FINALIZER } from '../fold-node.ts';
import { lastLeaseOverAt } from '../node/last-lease.ts';
import { type ClusterSettings } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState } from '../types.ts';
import { countedFrom, notAhead } from '../wait.ts';

/** Times in resources are rounded down to the second. */
const TIMESTAMP_MS = 1_000;

/** A host no longer has the unit, as far as that can be known without it. */
export interface Loss {
  /** From then on the unit may be placed elsewhere, ms since the epoch. */
  readonly at: number;
  /** For an Event. */
  readonly why: string;
}

/**
 * When a unit's host is given up for it; undefined: the host is there, and says by itself when the unit has left. A fenced one waits until the
 * host's lease has surely run out; another one may still run there, as a pod may (docs/decisions/0006). Global units wait for their host, since
 * they have nowhere else to go.
 */
export function lossOf(
  state: ClusterState,
  host: UnitHost,
  { global, settings, now }: { readonly global: boolean; readonly settings: ClusterSettings; readonly now: number },
): Loss | undefined {
  const { nodeName, fenced, leaving } = host;
  const node = state.get('Node', '', nodeName);
  if (!node) {
    // Its Node stays as long as its lease lasts, unless somebody took its finalizer away: then all is counted from when that was noticed.
    const since = fenced
      ? countedFrom(parseTime(host.leavingSince) ?? now, state, now) + leaseMs(state, nodeName, settings)
      : now;
    return { at: since, why: `Host ${nodeName} was removed from the cluster` };
  }
  const removedAt = parseTime(node.metadata.deletionTimestamp);
  if (removedAt !== undefined)
    return fenced
      ? {
          at: removedLeaseOverAt(state, node, removedAt, settings, now),
          why: `Host ${nodeName} was removed, and its last lease has run out`,
        }
      : undefined;
  const mark = unreachableMark(node);
  if (!mark) return undefined;
  if (global) return leaving === undefined ? undefined : { at: now, why: `Host ${nodeName} is unreachable` };
  const refugeSince = notAhead(refuge(state), state, now);
  const since = Math.max(notAhead(parseTime(mark.timeAdded) ?? Infinity, state, now), refugeSince);
  if (fenced)
    return {
      at: Math.max(since + fencedWaitSeconds(node, refugeSince, settings) * 1000, replaceableAt(state, node, settings, now)),
      why: `Host ${nodeName} is unreachable, and has stopped the unit since its lease ran out`,
    };
  return {
    at: since + settings.evictionSeconds * 1000,
    why: `Host ${nodeName} is unreachable; if it still runs, so does the unit there, beside its replacement, until it is back`,
  };
}

/** Who released its Node says since when (node/health.ts). One without its finalizer isn't released. */
function removedLeaseOverAt(state: ClusterState, node: Node, removedAt: number, settings: ClusterSettings, now: number): number {
  const from = node.metadata.finalizers?.includes(HOST_FINALIZER) ? now : countedFrom(removedAt, state, now);
  return lastLeaseOverAt(state, node, settings, now) ?? from + leaseMs(state, node.metadata.name, settings);
}

function leaseMs(state: ClusterState, nodeName: string, { notReadySeconds }: ClusterSettings): number {
  return TIMESTAMP_MS + Math.max(notReadySeconds, state.heartbeats.get(nodeName)?.leaseSeconds ?? 0) * 1000;
}
