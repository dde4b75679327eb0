import type { KeyValue } from '../../keyspace/types.ts';
import { bytes, count, int64, key } from './fields.ts';
import { type Codec, message } from './message.ts';

const fields = message({
  key: key(1),
  createRevision: count(2),
  modRevision: count(3),
  version: count(4),
  value: bytes(5),
  lease: int64(6),
});

/** mvccpb.KeyValue. Written field by field: most of what is answered is made of these. */
export const keyValue: Codec<KeyValue> = {
  read: fields.read,
  write(writer, kv) {
    writer.bigInt64(6, kv.lease);
    writer.bytes(5, kv.value);
    writer.int64(4, kv.version);
    writer.int64(3, kv.modRevision);
    writer.int64(2, kv.createRevision);
    writer.key(1, kv.key);
  },
};
