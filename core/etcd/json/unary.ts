import { EtcdError } from '../errors.ts';
import type { Answered, EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService } from '../service.ts';
import type { Identity } from '../identity.ts';
import {
  deleteRangeJson,
  headerJson,
  type JsonObject,
  keyJson,
  number,
  putJson,
  RAFT_TERM,
  rangeJson,
  some,
  txnJson,
} from './answers.ts';
import { type Field, message } from './fields.ts';
import {
  compactionRequest,
  deleteRangeRequest,
  leaseGrantRequest,
  leaseRequest,
  leaseTimeToLiveRequest,
  putRequest,
  rangeRequest,
  txnRequest,
} from './requests.ts';

/** One path of the gateway that answers a message with a message. */
export interface Unary {
  call(service: EtcdService, identity: Identity, json: unknown, caller: EtcdCaller): Promise<JsonObject>;
}

/** `body`: what the answer has beside its header. */
export function unary<M extends EtcdMethod>(
  method: M,
  request: Field<EtcdRequestOf<M>>,
  body: (response: EtcdResponseOf<M>, identity: Identity) => JsonObject = () => ({}),
): Unary {
  return {
    async call(service, identity, json, caller) {
      const response: EtcdResponseOf<M> & Answered = await service.call(method, decode(request, json), caller);
      return { header: headerJson(identity, response.revision), ...body(response, identity) };
    },
  };
}

function decode<T>(field: Field<T>, json: unknown): T {
  try {
    return field.read(json);
  } catch (error) {
    // The only deep recursion there is follows nested transactions.
    throw error instanceof RangeError ? EtcdError.of('tooManyOperations') : error;
  }
}

export const nothing: Field<Record<string, never>> = message({});

const leaseRevoke = unary('LeaseRevoke', leaseRequest);
const leaseTimeToLive = unary('LeaseTimeToLive', leaseTimeToLiveRequest, ({ id, ttl, grantedTtl, keys }) => ({
  ID: number(id),
  TTL: number(ttl),
  grantedTTL: number(grantedTtl),
  keys: some(keys.map(keyJson)),
}));
const leaseLeases = unary('LeaseLeases', nothing, ({ ids }) => ({ leases: some(ids.map((id) => ({ ID: number(id) }))) }));

/** By path; all of them are POST. */
export const UNARY: Readonly<Record<string, Unary>> = {
  '/v3/kv/range': unary('Range', rangeRequest, rangeJson),
  '/v3/kv/put': unary('Put', putRequest, putJson),
  '/v3/kv/deleterange': unary('DeleteRange', deleteRangeRequest, deleteRangeJson),
  '/v3/kv/txn': unary('Txn', txnRequest, txnJson),
  '/v3/kv/compaction': unary('Compact', compactionRequest),

  '/v3/lease/grant': unary('LeaseGrant', leaseGrantRequest, ({ id, ttl }) => ({ ID: number(id), TTL: number(ttl) })),
  '/v3/lease/revoke': leaseRevoke,
  '/v3/kv/lease/revoke': leaseRevoke,
  '/v3/lease/timetolive': leaseTimeToLive,
  '/v3/kv/lease/timetolive': leaseTimeToLive,
  '/v3/lease/leases': leaseLeases,
  '/v3/kv/lease/leases': leaseLeases,

  '/v3/cluster/member/list': unary('MemberList', nothing, ({ members }) => ({
    members: members.map(({ id, name, peerUrls, clientUrls }) => ({
      ID: number(id),
      name: name || undefined,
      peerURLs: some(peerUrls),
      clientURLs: some(clientUrls),
    })),
  })),
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
};
