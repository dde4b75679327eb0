import type { Node } from '../../resources/schema/node.ts';
import type { ClusterSettings } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState } from '../types.ts';
import { countedFrom } from '../wait.ts';

/** On the Node of a host that is removed: how long the lease lasts that it reported last, seconds. Its report is gone, and times may be shortened. */
export const LEASE_SECONDS_ANNOTATION = 'terrane.dev/lease-seconds';

/**
 * On a deleted Node with fenced work: nothing renews its host's lease since, RFC 3339 with milliseconds. Not the deletion's own time, which is from before it was
 * committed: a host may have had a lease in between.
 */
export const NO_LEASE_SINCE_ANNOTATION = 'terrane.dev/no-lease-since';

const MOST_SECONDS = 86_400;

/** So long after its last report was received the fenced work of a host has surely ended, as far as is known, seconds. One that doesn't know yet that times were shortened goes by the old ones. */
export function leaseSecondsOf(state: ClusterState, node: Node, { notReadySeconds }: ClusterSettings): number {
  const heard = state.heartbeats.get(node.metadata.name)?.leaseSeconds ?? 0;
  return Math.max(notReadySeconds, heard, notedSeconds(node));
}

/** The Node with the lease that its host reported last; undefined if that is known, or a longer one. */
export function notedLease(node: Node, leaseSeconds: number): Node | undefined {
  if (leaseSeconds <= notedSeconds(node)) return undefined;
  const annotations = { ...node.metadata.annotations, [LEASE_SECONDS_ANNOTATION]: String(leaseSeconds) };
  return { ...node, metadata: { ...node.metadata, annotations } };
}

function notedSeconds({ metadata }: Node): number {
  const seconds = Number(metadata.annotations?.[LEASE_SECONDS_ANNOTATION]);
  return seconds <= MOST_SECONDS ? seconds : 0;
}

/** The Node with what is to be known later. `now` must be later than the deletion's commit. */
export function withLastLease(state: ClusterState, node: Node, settings: ClusterSettings, now: number): Node {
  const annotations = {
    ...node.metadata.annotations,
    [LEASE_SECONDS_ANNOTATION]: String(leaseSecondsOf(state, node, settings)),
    [NO_LEASE_SINCE_ANNOTATION]: new Date(now).toISOString(),
  };
  return { ...node, metadata: { ...node.metadata, annotations } };
}

/** From when on the fenced work of a deleted Node may start elsewhere, ms since the epoch; undefined: that is not written on it yet. */
export function lastLeaseOverAt(state: ClusterState, node: Node, settings: ClusterSettings, now: number): number | undefined {
  const since = parseTime(node.metadata.annotations?.[NO_LEASE_SINCE_ANNOTATION]);
  const deletedAt = parseTime(node.metadata.deletionTimestamp);
  if (since === undefined || deletedAt === undefined) return undefined;
  return countedFrom(Math.max(since, deletedAt), state, now) + leaseSecondsOf(state, node, settings) * 1000;
}
