import { number, RAFT_TERM } from '../../../core/etcd/json/answers.ts';
import { answer } from './answer.ts';
import { readMessage } from './body.ts';
import { message } from '../../../core/etcd/json/fields.ts';
import type { EtcdRequest } from './deps.ts';

/** The release of etcd whose behaviour this is. Clients switch features on by it. */
export const ETCD_VERSION = '3.4.31';

/** There is no raft: where etcd counts its entries, the revision is counted. */
export async function serveStatus(request: EtcdRequest): Promise<Response> {
  await readMessage(request.c, message({}));
  const { keyspace, identity } = request;
  const { revision } = await keyspace.sync();
  return answer(request, revision, {
    version: ETCD_VERSION,
    dbSize: number(keyspace.bytes),
    leader: number(identity.memberId),
    raftIndex: number(revision),
    raftTerm: number(RAFT_TERM),
    raftAppliedIndex: number(revision),
    dbSizeInUse: number(keyspace.bytes),
  });
}
