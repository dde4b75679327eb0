import type { ChangeEvent, KeyValue } from '../../keyspace/types.ts';
import type { WatchRequest } from '../service.ts';
import type { WatchAnswer } from '../watch.ts';
import { always, bool, closedEnum, count, enumList, key, list, optional, text, writeMessage } from './fields.ts';
import { header } from './header.ts';
import { keyValue } from './key-value.ts';
import { type Codec, message } from './message.ts';

/** etcdserverpb.Watch. */

const createRequest = message({
  key: key(1),
  rangeEnd: key(2),
  startRevision: count(3),
  progressNotify: bool(4),
  filters: enumList(5, ['NOPUT', 'NODELETE']),
  prevKv: bool(6),
  watchId: count(7),
  fragment: bool(8),
});
const requestFields = message({
  create: optional(1, createRequest),
  cancel: optional(2, message({ watchId: count(1) })),
  progress: optional(3, message({})),
});

/** Undefined: a kind that isn't known, which etcd doesn't answer. */
export const watchRequest: Codec<WatchRequest | undefined> = {
  read(reader) {
    const { create, cancel, progress } = requestFields.read(reader);
    if (create) return { type: 'create', request: create };
    if (cancel) return { type: 'cancel', watchId: cancel.watchId };
    return progress && { type: 'progress' };
  },
  write(writer, value) {
    requestFields.write(writer, {
      create: value?.type === 'create' ? value.request : undefined,
      cancel: value?.type === 'cancel' ? { watchId: value.watchId } : undefined,
      progress: value?.type === 'progress' ? {} : undefined,
    });
  },
};

const NO_KV: KeyValue = { key: '', value: new Uint8Array(0), createRevision: 0, modRevision: 0, version: 0, lease: 0n };
const EVENT_TYPES = ['put', 'delete'] as const;

/** mvccpb.Event; of a deletion only the key and the revision are told. `kv` is the event's. */
const eventFields = message({
  type: closedEnum(1, EVENT_TYPES),
  kv: always(2, keyValue, NO_KV),
  prev: optional(3, keyValue),
});

function eventCodec(withPrevious: boolean): Codec<ChangeEvent> {
  return {
    read: eventFields.read,
    write(writer, { type, kv, prev }) {
      if (withPrevious && prev) writeMessage(writer, 3, keyValue, prev);
      const shown = type === 'delete' ? { ...NO_KV, key: kv.key, modRevision: kv.modRevision } : kv;
      writeMessage(writer, 2, keyValue, shown);
      if (type === 'delete') writer.int64(1, 1);
    },
  };
}

const EVENTS = 11;
const plainEvents = list(EVENTS, eventCodec(false));
const eventsWithPrevious = list(EVENTS, eventCodec(true));

const answerFields = message({
  revision: header,
  watchId: count(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: count(5),
  cancelReason: text(6),
  fragment: bool(7),
});
const answerWithEvents = message({
  revision: header,
  watchId: count(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: count(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: eventsWithPrevious,
});

/** `fragment`: the revision goes on in the next answer. */
export const watchAnswer: Codec<WatchAnswer & { readonly fragment?: boolean }> = {
  read(reader) {
    const { revision, watchId, created, canceled, compactRevision, cancelReason, fragment, events } =
      answerWithEvents.read(reader);
    return {
      watchId,
      revision,
      ...(created && { created }),
      ...(canceled && { canceled }),
      ...(cancelReason !== '' && { cancelReason }),
      ...(compactRevision !== 0 && { compactRevision }),
      ...(events.length > 0 && { events, prevKv: events.some(({ prev }) => prev !== undefined) }),
      ...(fragment && { fragment }),
    };
  },
  write(writer, answer) {
    const events = answer.prevKv ? eventsWithPrevious : plainEvents;
    events.write(writer, answer.events ?? []);
    answerFields.write(writer, {
      revision: answer.revision,
      watchId: answer.watchId,
      created: answer.created ?? false,
      canceled: answer.canceled ?? false,
      compactRevision: answer.compactRevision ?? 0,
      cancelReason: answer.cancelReason ?? '',
      fragment: answer.fragment ?? false,
    });
  },
};
