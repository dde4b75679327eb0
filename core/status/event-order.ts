import type { Event } from '../resources/schema/event.ts';

/** When it happened last, RFC 3339. */
export function eventAt({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp;
}

/** What happened first comes first. Times are of whole seconds; within one, the log knows. */
export function inOrder(a: Event, b: Event): number {
  const [one, other] = [eventAt(a), eventAt(b)].map((at) => Math.floor(Date.parse(at) / 1000));
  return one! - other! || Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion);
}
