import type { EtcdMethod, EtcdRequestOf, EtcdResponseOf } from '../service.ts';
import * as auth from './auth-messages.ts';
import * as concurrency from './concurrency-messages.ts';
import * as requests from './kv-requests.ts';
import * as responses from './kv-responses.ts';
import * as lease from './lease-messages.ts';
import * as maintenance from './maintenance-messages.ts';
import type { Codec } from './message.ts';

export interface MethodCodec<M extends EtcdMethod> {
  readonly request: Codec<EtcdRequestOf<M>>;
  readonly response: Codec<EtcdResponseOf<M>>;
}

const { nothing } = maintenance;
const { headerOnly } = responses;

/** How each method's messages lie on the wire. */
export const METHOD_CODECS: { readonly [M in EtcdMethod]: MethodCodec<M> } = {
  Range: { request: requests.rangeRequest, response: responses.rangeResponse },
  Put: { request: requests.putRequest, response: responses.putResponse },
  DeleteRange: { request: requests.deleteRangeRequest, response: responses.deleteRangeResponse },
  Txn: { request: requests.txnRequest, response: responses.txnResponse },
  Compact: { request: requests.compactionRequest, response: headerOnly },

  LeaseGrant: { request: lease.leaseGrantRequest, response: lease.leaseGrantedResponse },
  LeaseRevoke: { request: lease.leaseRequest, response: headerOnly },
  LeaseKeepAlive: { request: lease.leaseRequest, response: lease.leaseGrantedResponse },
  LeaseTimeToLive: { request: lease.leaseTimeToLiveRequest, response: lease.leaseTimeToLiveResponse },
  LeaseLeases: { request: nothing, response: lease.leaseLeasesResponse },

  MemberList: { request: nothing, response: maintenance.memberListResponse },
  Status: { request: nothing, response: maintenance.statusResponse },
  Alarm: { request: maintenance.alarmRequest, response: maintenance.alarmResponse },
  Defragment: { request: nothing, response: headerOnly },
  Hash: { request: nothing, response: maintenance.hashResponse },
  HashKV: { request: maintenance.hashKvRequest, response: maintenance.hashKvResponse },

  AuthEnable: { request: nothing, response: headerOnly },
  AuthDisable: { request: nothing, response: headerOnly },
  Authenticate: { request: auth.passwordRequest, response: auth.authenticateResponse },
  UserAdd: { request: auth.userAddRequest, response: headerOnly },
  UserGet: { request: auth.nameRequest, response: auth.userGetResponse },
  UserList: { request: nothing, response: auth.userListResponse },
  UserDelete: { request: auth.nameRequest, response: headerOnly },
  UserChangePassword: { request: auth.passwordRequest, response: headerOnly },
  UserGrantRole: { request: auth.userGrantRoleRequest, response: headerOnly },
  UserRevokeRole: { request: auth.userRevokeRoleRequest, response: headerOnly },
  RoleAdd: { request: auth.nameRequest, response: headerOnly },
  RoleGet: { request: auth.roleRequest, response: auth.roleGetResponse },
  RoleList: { request: nothing, response: auth.roleListResponse },
  RoleDelete: { request: auth.roleRequest, response: headerOnly },
  RoleGrantPermission: { request: auth.roleGrantPermissionRequest, response: headerOnly },
  RoleRevokePermission: { request: auth.roleRevokePermissionRequest, response: headerOnly },

  Lock: { request: concurrency.lockRequest, response: concurrency.lockResponse },
  Unlock: { request: concurrency.unlockRequest, response: headerOnly },
  Campaign: { request: concurrency.campaignRequest, response: concurrency.campaignResponse },
  Proclaim: { request: concurrency.proclaimRequest, response: headerOnly },
  Leader: { request: concurrency.electionRequest, response: concurrency.leaderResponse },
  Resign: { request: concurrency.resignRequest, response: headerOnly },
};
