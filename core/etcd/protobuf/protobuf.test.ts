import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobufjs, { type Field as ProtoField, type Type } from 'protobufjs';
import { EtcdError } from '../errors.ts';
import type { EtcdMethod } from '../service.ts';
import { rangeOf } from '../testing/requests.ts';
import {
  type Codec,
  decode,
  decodeRequest,
  encode,
  encodeRequest,
  METHOD_CODECS,
  snapshotResponse,
  watchAnswer,
  watchRequest,
} from './index.ts';
import { ETCD_PROTO } from './testing/etcd-proto.ts';

const { root } = protobufjs.parse(ETCD_PROTO, { keepCase: true });
const IDENTITY = { clusterId: 0xffff_ffff_ffff_fff1n, memberId: 7n };

/** Which messages of the other implementation are which method's. */
const MESSAGES: Record<EtcdMethod, readonly [request: string, response: string]> = {
  Range: ['RangeRequest', 'RangeResponse'],
  Put: ['PutRequest', 'PutResponse'],
  DeleteRange: ['DeleteRangeRequest', 'DeleteRangeResponse'],
  Txn: ['TxnRequest', 'TxnResponse'],
  Compact: ['CompactionRequest', 'HeaderOnly'],
  LeaseGrant: ['LeaseGrantRequest', 'LeaseGrantResponse'],
  LeaseRevoke: ['LeaseRequest', 'HeaderOnly'],
  LeaseKeepAlive: ['LeaseRequest', 'LeaseGrantResponse'],
  LeaseTimeToLive: ['LeaseTimeToLiveRequest', 'LeaseTimeToLiveResponse'],
  LeaseLeases: ['Empty', 'LeaseLeasesResponse'],
  MemberList: ['Empty', 'MemberListResponse'],
  Status: ['Empty', 'StatusResponse'],
  Alarm: ['AlarmRequest', 'AlarmResponse'],
  Defragment: ['Empty', 'HeaderOnly'],
  Hash: ['Empty', 'HashResponse'],
  HashKV: ['HashKVRequest', 'HashKVResponse'],
  AuthEnable: ['Empty', 'HeaderOnly'],
  AuthDisable: ['Empty', 'HeaderOnly'],
  Authenticate: ['PasswordRequest', 'AuthenticateResponse'],
  UserAdd: ['AuthUserAddRequest', 'HeaderOnly'],
  UserGet: ['NameRequest', 'AuthUserGetResponse'],
  UserList: ['Empty', 'AuthUserListResponse'],
  UserDelete: ['NameRequest', 'HeaderOnly'],
  UserChangePassword: ['PasswordRequest', 'HeaderOnly'],
  UserGrantRole: ['AuthUserGrantRoleRequest', 'HeaderOnly'],
  UserRevokeRole: ['AuthUserRevokeRoleRequest', 'HeaderOnly'],
  RoleAdd: ['NameRequest', 'HeaderOnly'],
  RoleGet: ['RoleRequest', 'AuthRoleGetResponse'],
  RoleList: ['Empty', 'AuthRoleListResponse'],
  RoleDelete: ['RoleRequest', 'HeaderOnly'],
  RoleGrantPermission: ['AuthRoleGrantPermissionRequest', 'HeaderOnly'],
  RoleRevokePermission: ['AuthRoleRevokePermissionRequest', 'HeaderOnly'],
  Lock: ['LockRequest', 'LockResponse'],
  Unlock: ['UnlockRequest', 'HeaderOnly'],
  Campaign: ['CampaignRequest', 'CampaignResponse'],
  Proclaim: ['ProclaimRequest', 'HeaderOnly'],
  Leader: ['ElectionRequest', 'LeaderResponse'],
  Resign: ['ResignRequest', 'HeaderOnly'],
};

/** Ids are 64 bits; other numbers are told exactly up to 2^53. */
const IDS = new Set(['ID', 'lease', 'memberID']);
const MAY_BE_ABSENT = new Set(['prev_kv', 'kv']);
const SAFE = fc.oneof(fc.nat(300), fc.maxSafeInteger()).map(String);
const INT64 = fc.oneof(SAFE, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String));
const UINT64 = fc.oneof(fc.nat(300).map(String), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String));
const TEXT = fc.string({ unit: 'grapheme', maxLength: 12 });
const BYTES = fc
  .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 100, maxLength: 200 }))
  .map((bytes) => Buffer.from(bytes));

/** Any message of the type, as the other implementation's JavaScript objects have it, with every field named. */
function arbitrary(type: Type, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  if (type.name === 'ResponseHeader') {
    // Outermost only; `header` of what is inside a transaction is written differently.
    return SAFE.map((revision) => ({
      cluster_id: depth > 1 ? '0' : IDENTITY.clusterId.toString(),
      member_id: depth > 1 ? '0' : IDENTITY.memberId.toString(),
      revision,
      raft_term: depth > 1 ? '0' : '1',
    }));
  }
  const inUnion = type.fieldsArray.filter((field) => field.partOf);
  const fields = type.fieldsArray.filter((field) => !field.partOf);
  const record = fc.record(Object.fromEntries(fields.map((field) => [field.name, fieldArbitrary(field.resolve(), depth)])));
  if (inUnion.length === 0) return record;
  const choices = inUnion.filter(({ type }) => depth < 5 || !type.startsWith('Txn'));
  return fc.oneof(...choices.map((field) => fieldArbitrary(field.resolve(), depth).map((value) => ({ [field.name]: value }))));
}

function fieldArbitrary(field: ProtoField, depth: number): fc.Arbitrary<unknown> {
  const one = valueArbitrary(field, depth);
  if (field.repeated) return fc.array(one, { maxLength: 3 });
  return MAY_BE_ABSENT.has(field.name) && field.parent?.name !== 'Event' ? fc.option(one, { nil: undefined }) : one;
}

function valueArbitrary(field: ProtoField, depth: number): fc.Arbitrary<unknown> {
  const { resolvedType } = field;
  if (resolvedType instanceof protobufjs.Type) return arbitrary(resolvedType, depth + 1);
  if (resolvedType instanceof protobufjs.Enum) return fc.constantFrom(...Object.keys(resolvedType.values));
  switch (field.type) {
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return BYTES;
    case 'string':
      return TEXT;
    case 'int64':
      return IDS.has(field.name) ? INT64 : SAFE;
    case 'uint64':
      return IDS.has(field.name) ? UINT64 : SAFE;
    default:
      return fc.integer({ min: 0, max: 0xffff_ffff });
  }
}

const SHOWN = { longs: String, enums: String, defaults: true, oneofs: false } as const;

/** They write it, we read it and write it, they read it: nothing is lost or made up. */
function expectSame<T>(name: string, codec: Codec<T>, normalise: (message: Record<string, unknown>) => object = (it) => it) {
  const type = root.lookupType(name);
  fc.assert(
    fc.property(arbitrary(type), (value) => {
      const theirs = type.encode(type.fromObject(value)).finish();
      const ours = encode(codec, decode(codec, theirs), IDENTITY);
      const expected = normalise(type.toObject(type.decode(theirs), SHOWN));
      expect(type.toObject(type.decode(ours), SHOWN)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
}

describe('messages mean the same to us and to another implementation', () => {
  test.each(Object.entries(MESSAGES))('%s', (method, [request, response]) => {
    const codecs = METHOD_CODECS[method as EtcdMethod];
    expectSame(request, codecs.request as Codec<unknown>);
    expectSame(response, codecs.response as Codec<unknown>, (message) => {
      if (response === 'StatusResponse') {
        const { revision } = message.header as { revision: string };
        const index = BigInt.asUintN(64, BigInt(revision)).toString();
        return { ...message, leader: '7', raftTerm: '1', raftIndex: index, raftAppliedIndex: index };
      }
      if (response !== 'AlarmResponse') return message;
      const alarms = message.alarms as { memberID: string; alarm: string }[];
      return { ...message, alarms: alarms.map((member) => (member.alarm === 'NONE' ? { ...member, alarm: 'NOSPACE' } : member)) };
    });
  });

  test('Watch', () => {
    expectSame('WatchRequest', watchRequest);
    expectSame('WatchResponse', watchAnswer, (message) => {
      const events = message.events as { type: string; kv: { key: unknown; mod_revision: unknown } }[];
      // Of a deletion the key and the revision are told.
      const blank = { create_revision: '0', version: '0', value: [], lease: '0' };
      return {
        ...message,
        events: events.map((event) =>
          event.type === 'DELETE'
            ? { ...event, kv: { ...blank, key: event.kv.key, mod_revision: event.kv.mod_revision, value: Buffer.alloc(0) } }
            : event,
        ),
      };
    });
  });

  test('Snapshot', () => expectSame('SnapshotResponse', snapshotResponse));
});

describe('bytes that we did not expect', () => {
  const bytesOf = (hex: string) => Buffer.from(hex, 'hex');

  test('fields of every wire type that are not known are passed over', () => {
    const known = Buffer.from(encodeRequest('Range', rangeOf('k', { limit: 3 })));
    const unknown = [
      'a00601', // 100: varint
      'a1060102030405060708', // 64 bits
      'a20603616263', // bytes
      'a50601020304', // 32 bits
      'a306a0060aa306a406a406', // groups, one in the other
    ].map(bytesOf);
    const request = decodeRequest('Range', Buffer.concat([...unknown, known, ...unknown]));
    expect(request).toEqual(rangeOf('k', { limit: 3 }));
  });

  test('a newer sort order is undefined, not one of ours, and stays so when sent on', () => {
    const request = decodeRequest('Range', bytesOf('0a016b2863'));
    expect(request.sortOrder).toBeUndefined();
    expect(decodeRequest('Range', encodeRequest('Range', request)).sortOrder).toBeUndefined();
  });

  test('lists of numbers are read packed and one by one', () => {
    const filters = (hex: string) => decode(watchRequest, bytesOf(hex));
    const expected = { type: 'create', request: expect.objectContaining({ filters: ['NOPUT', 'NODELETE'] }) };
    expect(filters('0a042a020001')).toEqual(expected);
    expect(filters('0a0428002801')).toEqual(expected);
  });

  test.each([
    ['a length beyond the end', '0a05'],
    ['a negative length', '0affffffffffffffffff01'],
    ['a number that never ends', '18ffffffffffffffffffffff'],
    ['a number that is cut off', '18ff'],
    ['field 0', '0001'],
    ['a known field of another type', '0801'],
    ['the end of a group that was not begun', 'a406'],
    ['a group without an end', 'a306'],
    ['a wire type that is none', 'a706'],
  ])('%s is refused', (_, hex) => {
    expect(() => decodeRequest('Range', bytesOf(hex))).toThrow(EtcdError);
  });

  test('transactions nested too deeply are refused, not followed', () => {
    let bytes = Buffer.alloc(0);
    for (let depth = 0; depth < 60; depth++) {
      const operation = Buffer.concat([Buffer.from([0x22]), varint(bytes.length), bytes]);
      bytes = Buffer.concat([Buffer.from([0x12]), varint(operation.length), operation]);
    }
    expect(() => decodeRequest('Txn', bytes)).toThrow(/nested too deeply/);
  });

  test('whatever the bytes, there is a request or an EtcdError', () => {
    const valid = fc.constantFrom<EtcdMethod>(...(Object.keys(MESSAGES) as EtcdMethod[]));
    fc.assert(
      fc.property(valid, fc.uint8Array({ maxLength: 64 }), (method, bytes) => {
        try {
          decodeRequest(method, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(EtcdError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a decoded value does not keep the buffer it came in', () => {
    const sent = Buffer.from(encodeRequest('Put', { ...PUT, value: new Uint8Array([1, 2, 3]) }));
    const { value } = decodeRequest('Put', sent);
    sent.fill(0xff);
    expect([...value]).toEqual([1, 2, 3]);
    // Small values share a small block.
    expect(value.buffer).not.toBe(sent.buffer);
    expect(value.buffer.byteLength).toBeLessThanOrEqual(1_024);
  });
});

const PUT = { key: 'k', value: new Uint8Array(0), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
