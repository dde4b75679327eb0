import type { WatchAnswer } from '../watch.ts';
import { eventJson, flag, headerJson, type Identity, type JsonObject, number } from './answers.ts';

export function watchJson(identity: Identity, answer: WatchAnswer): JsonObject {
  const { watchId, revision, created, canceled, cancelReason, compactRevision = 0, events, prevKv = false } = answer;
  return {
    header: headerJson(identity, revision),
    watch_id: number(watchId),
    created: flag(created ?? false),
    canceled: flag(canceled ?? false),
    compact_revision: number(compactRevision),
    cancel_reason: cancelReason,
    events: events?.map((event) => eventJson(event, prevKv)),
  };
}
