import type { Revision } from '../../keyspace/types.ts';
import { RAFT_TERM } from '../json/answers.ts';
import type { Field } from './message.ts';
import { WIRE, WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

const HEADER = 1;
const REVISION = 3;
const TERM = 4;

/** etcdserverpb.ResponseHeader. Of what it says, only the revision is the answer's; the rest is the answerer's. */
export const header: Field<Revision> = {
  number: HEADER,
  wire: WIRE.bytes,
  absent: 0,
  read: (reader) => reader.message(readRevision),
  write(writer, revision) {
    const before = writer.length;
    writer.int64(TERM, RAFT_TERM);
    writer.int64(REVISION, revision);
    writer.raw(writer.identityFields);
    writer.message(HEADER, before);
  },
};

/** Headers inside of a transaction have nothing but a revision. */
export const innerHeader: Field<Revision> = {
  ...header,
  write(writer: WireWriter, revision) {
    const before = writer.length;
    writer.int64(REVISION, revision);
    writer.message(HEADER, before);
  },
};

/** Of any response, without decoding the rest of it. Throws EtcdError on bytes that are none. */
export function revisionOf(response: Uint8Array): Revision {
  const reader = new WireReader(response);
  while (reader.more) {
    const tag = reader.tag();
    if (tag === ((HEADER << 3) | WIRE.bytes)) return reader.message(readRevision);
    reader.skip(tag);
  }
  return 0;
}

function readRevision(reader: WireReader): Revision {
  let revision = 0;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === ((REVISION << 3) | WIRE.varint)) revision = reader.int64();
    else reader.skip(tag);
  }
  return revision;
}
