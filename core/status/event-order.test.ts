import { expect, test } from '@jest/globals';
import type { Event } from '../resources/schema/event.ts';
import { inOrder } from './event-order.ts';

test('Events are in the order in which they happened, within one second, too', () => {
  const event = (reason: string, resourceVersion: string, at: Partial<Event>) =>
    ({ reason, metadata: { name: reason, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' }, ...at }) as Event;
  const events = [
    event('third', '10', { lastTimestamp: '2026-01-01T00:00:05Z' }),
    event('second', '9', { eventTime: '2026-01-01T00:00:05.900000Z' }),
    event('first', '11', {}),
  ];
  expect(events.toSorted(inOrder).map(({ reason }) => reason)).toEqual(['first', 'second', 'third']);
});
