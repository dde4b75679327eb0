import type { KeyValue, Revision } from '../keyspace/types.ts';
import type { DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest } from './requests.ts';
import type { DeleteRangeResponse, PutResponse, RangeResponse, TxnResponse } from './responses.ts';
import type { WatchAnswer, WatchCreateRequest } from './watch.ts';

/**
 * The port between etcd's faces (gRPC, the JSON gateway, the v2 API) and whoever answers: the control plane from its keyspace, a
 * host from its cache. Requests and answers are free of any encoding. Methods, semantics and errors are those of etcd 3.4's
 * `etcdserverpb` (https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/etcdserverpb/rpc.proto); 64-bit ids are bigints.
 */
export interface EtcdService {
  /**
   * One request, one answer. Throws EtcdError; its strings are etcd's. `timeout` says that the outcome is not known.
   *
   * @example
   * const { kvs } = await service.call('Range', { ...everything, key: 'foo' }, caller);
   */
  call<M extends EtcdMethod>(method: M, request: EtcdRequestOf<M>, caller: EtcdCaller): Promise<EtcdResponseOf<M>>;
  /** What needn't be decoded here, as somebody else does that. Of all that can be relayed, `call` can be asked, too. */
  readonly relay?: EtcdRelay;
  /** A client's stream of watches. Throws EtcdError if the caller may not watch at all. */
  watch(caller: EtcdCaller): WatchSession;
  /** etcd's Snapshot: the whole store as a stream of chunks, the last of which ends it; our own format (snapshot-format.ts). */
  snapshot(caller: EtcdCaller): AsyncIterable<SnapshotChunk>;
  /** Election.Observe: the leader now, then each new one, until the caller's signal. */
  observe(name: string, caller: EtcdCaller): AsyncIterable<LeaderResponse>;
}

/** Passes requests on as they came, and answers as they come back: protobuf, of etcd's messages. */
export interface EtcdRelay {
  readonly methods: ReadonlySet<EtcdMethod>;
  /**
   * One request, whose bytes must not be changed afterwards. `done` is called once, now or later: with the response, or
   * with undefined and what is wrong (as `call` throws it).
   */
  call(
    method: EtcdMethod,
    request: Uint8Array,
    caller: EtcdCaller,
    done: (error: unknown, response: Uint8Array | undefined) => void,
  ): void;
}

export interface EtcdCaller {
  /** What the client sends as metadata `token` (from Authenticate). */
  readonly token?: string | undefined;
  /** The client is gone or its deadline passed: stop working for it. */
  readonly signal?: AbortSignal | undefined;
  /** The client named `hasleader` (require leader): unavailable at once where the control plane can't be reached. */
  readonly requireLeader?: boolean | undefined;
  /** Whoever asks was let in by other means and may do what the user `root` may, token or not: administrators of the organisation. */
  readonly superuser?: boolean | undefined;
  /**
   * Exactly once: a write with an id that is in the log already isn't made again, but answered as it was then. Unique among all of the
   * keyspace's writers; the newest 16,384 are remembered, and all of the last 30 s.
   */
  readonly requestId?: string | undefined;
  /** It was sent before with that id, which may still be under way: what is answered now must stay true. */
  readonly again?: boolean | undefined;
}

/** A bidirectional Watch stream. Answers are in order; a slow reader holds them back up to a bound, then loses the watch. */
export interface WatchSession {
  send(request: WatchRequest): void;
  /** Ends when the session is closed. Throws EtcdError when it can't go on. */
  readonly answers: AsyncIterable<WatchAnswer>;
  /** No more requests will come: the answers end when no watch is left. */
  end(): void;
  close(): void;
}

export type WatchRequest =
  | { readonly type: 'create'; readonly request: WatchCreateRequest }
  | { readonly type: 'cancel'; readonly watchId: number }
  | { readonly type: 'progress' };

/** Every answer says at which revision of the store it was made (the header's `revision`). */
export interface Answered {
  readonly revision: Revision;
}

export interface LeaseStatus extends Answered {
  readonly id: bigint;
  /** Seconds left; -1: there is no such lease. */
  readonly ttl: number;
  readonly grantedTtl: number;
  readonly keys: readonly string[];
}

export interface AlarmMember {
  readonly memberId: bigint;
  readonly alarm: 'NOSPACE' | 'CORRUPT';
}

export interface Member {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
}

export interface Permission {
  readonly type: 'READ' | 'WRITE' | 'READWRITE';
  readonly key: string;
  /** As in RangeRequest. */
  readonly rangeEnd: string;
}

export interface LeaderKey {
  readonly name: string;
  readonly key: string;
  readonly rev: Revision;
  readonly lease: bigint;
}

export interface LeaderResponse extends Answered {
  readonly kv: KeyValue | undefined;
}

export interface SnapshotChunk {
  readonly blob: Uint8Array;
  /** Bytes still to come after this chunk, as far as known. */
  readonly remainingBytes: number;
}

type Nothing = Readonly<Record<string, never>>;
interface Named {
  readonly name: string;
}
interface Call<Request, Response extends Answered = Answered> {
  readonly request: Request;
  readonly response: Response;
}

/** All unary methods, by etcd's names. LeaseKeepAlive is a stream on the wire; each of its messages is one call here. */
export interface EtcdMethods {
  Range: Call<RangeRequest, RangeResponse>;
  Put: Call<PutRequest, PutResponse>;
  DeleteRange: Call<DeleteRangeRequest, DeleteRangeResponse>;
  Txn: Call<TxnRequest, TxnResponse>;
  Compact: Call<{ readonly revision: Revision; readonly physical: boolean }>;

  /** `id` 0n: choose one. `ttl` in seconds. */
  LeaseGrant: Call<{ readonly id: bigint; readonly ttl: bigint }, Answered & { readonly id: bigint; readonly ttl: number }>;
  LeaseRevoke: Call<{ readonly id: bigint }>;
  /** A lease that is gone is no error: `ttl` is 0 then. */
  LeaseKeepAlive: Call<{ readonly id: bigint }, Answered & { readonly id: bigint; readonly ttl: number }>;
  LeaseTimeToLive: Call<{ readonly id: bigint; readonly keys: boolean }, LeaseStatus>;
  LeaseLeases: Call<Nothing, Answered & { readonly ids: readonly bigint[] }>;

  MemberList: Call<Nothing, Answered & { readonly members: readonly Member[] }>;
  Status: Call<
    Nothing,
    Answered & {
      readonly version: string;
      readonly dbSize: number;
      readonly dbSizeInUse: number;
      readonly errors: readonly string[];
    }
  >;
  Alarm: Call<
    {
      readonly action: 'GET' | 'ACTIVATE' | 'DEACTIVATE';
      readonly memberId: bigint;
      readonly alarm: 'NONE' | AlarmMember['alarm'];
    },
    Answered & { readonly alarms: readonly AlarmMember[] }
  >;
  Defragment: Call<Nothing>;
  Hash: Call<Nothing, Answered & { readonly hash: number }>;
  HashKV: Call<{ readonly revision: Revision }, Answered & { readonly hash: number; readonly compactRevision: Revision }>;

  AuthEnable: Call<Nothing>;
  AuthDisable: Call<Nothing>;
  Authenticate: Call<{ readonly name: string; readonly password: string }, Answered & { readonly token: string }>;
  UserAdd: Call<{ readonly name: string; readonly password: string; readonly noPassword: boolean }>;
  UserGet: Call<Named, Answered & { readonly roles: readonly string[] }>;
  UserList: Call<Nothing, Answered & { readonly users: readonly string[] }>;
  UserDelete: Call<Named>;
  UserChangePassword: Call<{ readonly name: string; readonly password: string }>;
  UserGrantRole: Call<{ readonly user: string; readonly role: string }>;
  UserRevokeRole: Call<{ readonly name: string; readonly role: string }>;
  RoleAdd: Call<Named>;
  RoleGet: Call<{ readonly role: string }, Answered & { readonly permissions: readonly Permission[] }>;
  RoleList: Call<Nothing, Answered & { readonly roles: readonly string[] }>;
  RoleDelete: Call<{ readonly role: string }>;
  RoleGrantPermission: Call<{ readonly name: string; readonly permission: Permission }>;
  RoleRevokePermission: Call<{ readonly role: string; readonly key: string; readonly rangeEnd: string }>;

  /** v3lockpb.Lock: waits for its turn. */
  Lock: Call<{ readonly name: string; readonly lease: bigint }, Answered & { readonly key: string }>;
  Unlock: Call<{ readonly key: string }>;
  /** v3electionpb.Election: waits until it leads. */
  Campaign: Call<
    { readonly name: string; readonly lease: bigint; readonly value: Uint8Array },
    Answered & { readonly leader: LeaderKey }
  >;
  Proclaim: Call<{ readonly leader: LeaderKey; readonly value: Uint8Array }>;
  Leader: Call<Named, LeaderResponse>;
  Resign: Call<{ readonly leader: LeaderKey }>;
}

export type EtcdMethod = keyof EtcdMethods;
export type EtcdRequestOf<M extends EtcdMethod> = EtcdMethods[M]['request'];
export type EtcdResponseOf<M extends EtcdMethod> = EtcdMethods[M]['response'];
