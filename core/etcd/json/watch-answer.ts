import type { WatchAnswer } from '../watch.ts';
import type { Identity } from '../identity.ts';
import { eventJson, flag, headerJson, type JsonObject, number } from './answers.ts';

export function watchJson(identity: Identity, answer: WatchAnswer): JsonObject {
  const { watchId, revision, created, canceled, cancelReason, compactRevision = 0, events, prevKv = false, fragment } = answer;
  return {
    header: headerJson(identity, revision),
    watch_id: number(watchId),
    created: flag(created ?? false),
    canceled: flag(canceled ?? false),
    compact_revision: number(compactRevision),
    cancel_reason: cancelReason,
    fragment: flag(fragment ?? false),
    events: events?.map((event) => eventJson(event, prevKv)),
  };
}
