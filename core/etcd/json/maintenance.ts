import { CODE, EtcdError } from '../errors.ts';
import type { EtcdRequestOf } from '../service.ts';
import { number, RAFT_TERM, some } from './answers.ts';
import { enumeration, type Field, message, named, uint64 } from './fields.ts';
import { nothing, type Unary, unary } from './unary-of.ts';

const alarmFields = message({
  action: enumeration('AlarmRequest_AlarmAction', ['GET', 'ACTIVATE', 'DEACTIVATE'] as const),
  memberId: named('memberID', uint64),
  alarm: enumeration('AlarmType', ['NONE', 'NOSPACE', 'CORRUPT'] as const),
});
const alarmRequest: Field<EtcdRequestOf<'Alarm'>> = {
  read(json) {
    const { action = 'GET', memberId, alarm = 'NONE' } = alarmFields.read(json);
    return { action, memberId, alarm };
  },
};

/** There is one member, the log, and nobody to add or to lead in its place. */
const refused: Unary = {
  call: async () => {
    throw new EtcdError(CODE.unimplemented, 'members are not managed here: the log is the only one');
  },
};

export const MAINTENANCE: Readonly<Record<string, Unary>> = {
  '/v3/cluster/member/list': unary('MemberList', nothing, ({ members }) => ({
    members: members.map(({ id, name, peerUrls, clientUrls }) => ({
      ID: number(id),
      name: name || undefined,
      peerURLs: some(peerUrls),
      clientURLs: some(clientUrls),
    })),
  })),
  '/v3/cluster/member/add': refused,
  '/v3/cluster/member/remove': refused,
  '/v3/cluster/member/update': refused,
  '/v3/cluster/member/promote': refused,
  // There is no raft: where etcd counts its entries, the revision is counted.
  '/v3/maintenance/status': unary('Status', nothing, ({ revision, version, dbSize, dbSizeInUse, errors }, { memberId }) => ({
    version,
    dbSize: number(dbSize),
    leader: number(memberId),
    raftIndex: number(revision),
    raftTerm: number(RAFT_TERM),
    raftAppliedIndex: number(revision),
    errors: some(errors),
    dbSizeInUse: number(dbSizeInUse),
  })),
  '/v3/maintenance/alarm': unary(
    'Alarm',
    alarmRequest,
    ({ alarms }) => ({ alarms: some(alarms.map(({ memberId, alarm }) => ({ memberID: number(memberId), alarm }))) }),
    false,
  ),
  '/v3/maintenance/defragment': unary('Defragment', nothing, () => ({}), false),
  // In 3.4 its HashKV has no path of its own: it was given the same one, and is never reached.
  '/v3/maintenance/hash': unary('Hash', nothing, ({ hash }) => ({ hash: hash || undefined })),
  '/v3/maintenance/transfer-leadership': refused,
};
