import { deleteRangeJson, keyJson, number, putJson, rangeJson, some, txnJson } from './answers.ts';
import { AUTH } from './auth.ts';
import { CONTEND } from './contend.ts';
import { MAINTENANCE } from './maintenance.ts';
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
import { nothing, type Unary, unary } from './unary-of.ts';

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

  ...AUTH,
  ...CONTEND,
  ...MAINTENANCE,
};
