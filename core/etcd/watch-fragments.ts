import type { ChangeEvent } from '../keyspace/types.ts';
import type { WatchAnswer } from './watch.ts';

/** etcd's: the greatest request, and what gRPC adds to it. */
const FRAGMENT_BYTES = 1_500_000 + 512 * 1024;
const EVENT_BYTES = 64;

/** An answer in parts of at most that many bytes, about, or of one event; all but the last say that more follows. */
export function fragmentsOf<A extends WatchAnswer & { events: readonly ChangeEvent[] }>(
  answer: A,
  bytesMax = FRAGMENT_BYTES,
): WatchAnswer[] {
  const parts: ChangeEvent[][] = [[]];
  let bytes = 0;
  for (const event of answer.events) {
    const size = sizeOf(event, answer.prevKv ?? false);
    if (parts.at(-1)!.length > 0 && bytes + size > bytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(event);
    bytes += size;
  }
  return parts.map((events, n) => (n < parts.length - 1 ? { ...answer, events, fragment: true } : { ...answer, events }));
}

export function sizeOf({ kv, prev }: ChangeEvent, withPrevious: boolean): number {
  return EVENT_BYTES + kv.key.length + kv.value.length + (withPrevious && prev ? kv.key.length + prev.value.length : 0);
}
