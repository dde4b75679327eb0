import type { Event } from '../resources/schema/event.ts';
import { Draft } from './draft.ts';
import { parseTime } from './time.ts';
import type { Controller } from './types.ts';

const KEPT_MS = 3_600_000;
/** Events go in batches: waking up for each of them would cost more than keeping it a little longer. */
const BATCH_MS = 300_000;

/** Forgets Events an hour after they last happened. */
export const eventExpiry: Controller = {
  name: 'event-expiry',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    for (const event of state.list('Event')) {
      const expiresAt = lastSeen(event) + KEPT_MS;
      if (expiresAt <= now) draft.delete(event);
      else draft.wakeAt(Math.ceil(expiresAt / BATCH_MS) * BATCH_MS);
    }
    return draft.finish();
  },
};

function lastSeen({ lastTimestamp, eventTime, firstTimestamp, metadata }: Event): number {
  return (
    parseTime(lastTimestamp) ?? parseTime(eventTime) ?? parseTime(firstTimestamp) ?? parseTime(metadata.creationTimestamp) ?? 0
  );
}
