import type { AlarmMember, SnapshotChunk } from '../service.ts';
import { RAFT_TERM } from '../json/answers.ts';
import { bytes, closedEnum, count, list, text, textList, uint32, uint64 } from './fields.ts';
import { header } from './header.ts';
import { type Codec, message } from './message.ts';

/** etcdserverpb.Cluster and Maintenance. */

export const nothing = message({});

const member = message({ id: uint64(1), name: text(2), peerUrls: textList(3), clientUrls: textList(4) });
export const memberListResponse = message({ revision: header, members: list(2, member) });

/** What etcd says of raft is said of the log: one leader, of one term, which has applied everything up to the revision. */
const status = message({
  revision: header,
  version: text(2),
  dbSize: count(3),
  leader: uint64(4),
  raftIndex: count(5),
  raftTerm: count(6),
  raftAppliedIndex: count(7),
  errors: textList(8),
  dbSizeInUse: count(9),
});
interface Status {
  readonly revision: number;
  readonly version: string;
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  readonly errors: readonly string[];
}
export const statusResponse: Codec<Status> = {
  read: status.read,
  write: (writer, value) =>
    status.write(writer, {
      ...value,
      leader: writer.identity?.memberId ?? 0n,
      raftIndex: value.revision,
      raftTerm: RAFT_TERM,
      raftAppliedIndex: value.revision,
    }),
};

const alarmMember: Codec<AlarmMember> = {
  read(reader) {
    const { memberId, alarm } = alarmFields.read(reader);
    return { memberId, alarm: alarm === 'NONE' ? 'NOSPACE' : alarm };
  },
  write: (writer, value) => alarmFields.write(writer, value),
};
const alarmFields = message({ memberId: uint64(1), alarm: closedEnum(2, ['NONE', 'NOSPACE', 'CORRUPT']) });
export const alarmRequest = message({
  action: closedEnum(1, ['GET', 'ACTIVATE', 'DEACTIVATE']),
  memberId: uint64(2),
  alarm: closedEnum(3, ['NONE', 'NOSPACE', 'CORRUPT']),
});
export const alarmResponse = message({ revision: header, alarms: list(2, alarmMember) });

export const hashResponse = message({ revision: header, hash: uint32(2) });
export const hashKvRequest = message({ revision: count(1) });
export const hashKvResponse = message({ revision: header, hash: uint32(2), compactRevision: count(3) });

const snapshot = message({ remainingBytes: count(2), blob: bytes(3) });
/** Without a header, as etcd 3.4 sends it. */
export const snapshotResponse: Codec<SnapshotChunk> = snapshot;
