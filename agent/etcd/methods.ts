import { CODE, EtcdError } from '../../core/etcd/errors.ts';
import type { Identity } from '../../core/etcd/identity.ts';
import {
  type Codec,
  decode,
  electionRequest,
  leaderResponse,
  METHOD_CODECS,
  nothing,
  snapshotResponse,
  WireWriter,
} from '../../core/etcd/protobuf/index.ts';
import type { EtcdMethod, EtcdRelay, EtcdRequestOf, EtcdResponseOf, EtcdService } from '../../core/etcd/service.ts';
import { bidi, type Method, type Methods, relay, serverStream, unary } from '../grpc/method.ts';
import { callerOf } from './caller.ts';
import { watchMethod } from './watch.ts';

/** etcd's services and their unary methods, as their paths have them. */
const UNARY: Readonly<Record<string, readonly EtcdMethod[]>> = {
  'etcdserverpb.KV': ['Range', 'Put', 'DeleteRange', 'Txn', 'Compact'],
  'etcdserverpb.Lease': ['LeaseGrant', 'LeaseRevoke', 'LeaseTimeToLive', 'LeaseLeases'],
  'etcdserverpb.Maintenance': ['Alarm', 'Status', 'Defragment', 'Hash', 'HashKV'],
  'etcdserverpb.Auth': [
    'AuthEnable',
    'AuthDisable',
    'Authenticate',
    'UserAdd',
    'UserGet',
    'UserList',
    'UserDelete',
    'UserChangePassword',
    'UserGrantRole',
    'UserRevokeRole',
    'RoleAdd',
    'RoleGet',
    'RoleList',
    'RoleDelete',
    'RoleGrantPermission',
    'RoleRevokePermission',
  ],
  'v3lockpb.Lock': ['Lock', 'Unlock'],
  'v3electionpb.Election': ['Campaign', 'Proclaim', 'Leader', 'Resign'],
};

/** Of what is written: etcd's --max-request-bytes. */
const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;
const WRITES: ReadonlySet<EtcdMethod> = new Set(['Put', 'DeleteRange', 'Txn']);

export interface FaceOptions {
  readonly service: EtcdService;
  readonly identity: Identity;
  /** Where the member is reached, for clients that ask the cluster for its endpoints. */
  readonly clientUrls: () => readonly string[];
}

/** All that etcd 3.4's clients call, as gRPC methods over the service. */
export function etcdMethods({ service, identity, clientUrls }: FaceOptions): Methods {
  // One for all: a message is copied out of it before anything else is written.
  const writer = new WireWriter(identity);
  const methods = new Map<string, Method>();
  for (const [name, list] of Object.entries(UNARY)) {
    for (const method of list) {
      const relayed = service.relay?.methods.has(method);
      methods.set(
        `/${name}/${method}`,
        relayed ? relayMethod(service.relay!, method, writer) : unaryMethod(service, method, writer),
      );
    }
  }
  methods.set('/etcdserverpb.Cluster/MemberList', memberListMethod(service, writer, clientUrls));
  methods.set('/etcdserverpb.Lease/LeaseKeepAlive', keepAliveMethod(service, writer));
  methods.set('/etcdserverpb.Watch/Watch', watchMethod(service, writer));
  methods.set('/etcdserverpb.Maintenance/Snapshot', snapshotMethod(service, writer));
  methods.set('/v3electionpb.Election/Observe', observeMethod(service, writer));
  methods.set('/etcdserverpb.Maintenance/MoveLeader', refusal(MOVE_LEADER));
  for (const method of ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote']) {
    methods.set(`/etcdserverpb.Cluster/${method}`, refusal(MEMBERS));
  }
  return methods;
}

const MEMBERS = new EtcdError(CODE.unimplemented, 'there is one member, the control plane: members are not added or removed');
const MOVE_LEADER = new EtcdError(CODE.failedPrecondition, 'etcdserver: bad leader transferee');

function relayMethod(by: EtcdRelay, method: EtcdMethod, writer: WireWriter): Method {
  const bounded = WRITES.has(method);
  return relay({
    relay(bytes, call, done) {
      if (bounded && bytes.length > REQUEST_BYTES_MAX) throw EtcdError.of('requestTooLarge');
      by.call(method, bytes, callerOf(call), (error, response) => {
        if (!response) return done(error, undefined);
        writer.start().raw(response);
        done(undefined, writer.grpcView());
      });
    },
  });
}

function unaryMethod<M extends EtcdMethod>(service: EtcdService, method: M, writer: WireWriter): Method {
  const request = METHOD_CODECS[method].request as Codec<EtcdRequestOf<M>>;
  const response = METHOD_CODECS[method].response as Codec<EtcdResponseOf<M>>;
  const bounded = WRITES.has(method);
  return unary<EtcdRequestOf<M>>({
    decode(bytes) {
      if (bounded && bytes.length > REQUEST_BYTES_MAX) throw EtcdError.of('requestTooLarge');
      return decode(request, bytes);
    },
    async handle(message, call, reply) {
      const answer = await service.call(method, message, callerOf(call));
      response.write(writer.start(), answer);
      reply(writer.grpcView());
    },
  });
}

/** The member is reached where the client has reached it. */
function memberListMethod(service: EtcdService, writer: WireWriter, clientUrls: () => readonly string[]): Method {
  const { request, response } = METHOD_CODECS.MemberList;
  return unary<EtcdRequestOf<'MemberList'>>({
    decode: (bytes) => decode(request, bytes),
    async handle(message, call, reply) {
      const answer = await service.call('MemberList', message, callerOf(call));
      const members = answer.members.map((member) => ({ ...member, clientUrls: clientUrls() }));
      response.write(writer.start(), { ...answer, members });
      reply(writer.grpcView());
    },
  });
}

/** A stream on the wire; each of its messages is one call. */
function keepAliveMethod(service: EtcdService, writer: WireWriter): Method {
  const { request, response } = METHOD_CODECS.LeaseKeepAlive;
  return bidi<EtcdRequestOf<'LeaseKeepAlive'>>({
    decode: (bytes) => decode(request, bytes),
    async handle(requests, call, send) {
      const caller = callerOf(call);
      for await (const message of requests) {
        const answer = await service.call('LeaseKeepAlive', message, caller);
        response.write(writer.start(), answer);
        await send(writer.grpcView());
      }
    },
  });
}

function snapshotMethod(service: EtcdService, writer: WireWriter): Method {
  return serverStream<object>({
    decode: (bytes) => decode(nothing, bytes),
    async handle(_, call, send) {
      for await (const chunk of service.snapshot(callerOf(call))) {
        if (call.aborted) return;
        snapshotResponse.write(writer.start(), chunk);
        await send(writer.grpcView());
      }
    },
  });
}

function observeMethod(service: EtcdService, writer: WireWriter): Method {
  return serverStream<{ readonly name: string }>({
    decode: (bytes) => decode(electionRequest, bytes),
    async handle({ name }, call, send) {
      for await (const leader of service.observe(name, callerOf(call))) {
        if (call.aborted) return;
        leaderResponse.write(writer.start(), leader);
        await send(writer.grpcView());
      }
    },
  });
}

function refusal(error: EtcdError): Method {
  return unary({ decode: () => undefined, handle: () => Promise.reject(error) });
}
