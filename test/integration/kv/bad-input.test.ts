import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type EtcdServer, startEtcdServer } from '../../../agent/etcd/start-etcd-server.ts';
import type { HostKv } from '../../../agent/kv/host-kv.ts';
import { identityOf } from '../../../core/etcd/identity.ts';
import { decodeResponse, encodeRequest, encodeResponse } from '../../../core/etcd/protobuf/index.ts';
import type { EtcdRequestOf } from '../../../core/etcd/service.ts';
import { deleteOf, putOf, rangeOf } from '../../../core/etcd/testing/requests.ts';
import { openKv } from './open-kv.ts';
import { kvWorld, type KvWorld, type Person } from './world.ts';

/** What a host's endpoint says to requests that are wrong: by gRPC, by the JSON gateway, and by the API's. In etcd's words. */

jest.setTimeout(60_000);

let world: KvWorld;
let person: Person;
let kv: HostKv;
let server: EtcdServer;
let client: Client;
let directory: string;
let url: string;
const end = new AbortController();
const errors: unknown[] = [];
const LEASE = 4711n;

beforeAll(async () => {
  world = await kvWorld();
  person = await world.person();
  const host = await person.host('a');
  directory = await mkdtemp(join(tmpdir(), 'trn-badinput-'));
  kv = await openKv(host, { directory, signal: end.signal });
  server = await startEtcdServer({
    service: kv.service,
    identity: identityOf(person.cluster),
    listen: [{ host: '127.0.0.1', port: 0 }],
    onError: (error) => errors.push(error),
  });
  const { port } = server.listening[0] as { port: number };
  url = `http://127.0.0.1:${port}`;
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  for (const value of ['1', '2', '3']) await kv.service.call('Put', putOf('a', value), {});
  await kv.service.call('Compact', { revision: 3, physical: false }, {});
});
afterAll(async () => {
  client?.close();
  await server?.close();
  end.abort();
  await kv?.close();
  if (directory) await rm(directory, { recursive: true, force: true });
  await world?.close();
});

function grpc(path: string, message: Uint8Array): Promise<Pick<ServiceError, 'code' | 'details'> | undefined> {
  return new Promise((resolve) => {
    const same = (value: Uint8Array) => Buffer.from(value);
    client.makeUnaryRequest(path, same, same, message, (error) => {
      resolve(error ? { code: error.code, details: error.details } : undefined);
    });
  });
}

async function json(path: string, body: string | Buffer): Promise<{ status: number; code: number; message: string }> {
  const response = await fetch(`${url}${path}`, { method: 'POST', body });
  const { code, message } = (await response.json()) as { code: number; message: string };
  return { status: response.status, code, message };
}

async function api(path: string, body: unknown): Promise<{ status: number; code: number; message: string }> {
  const answer = await person.ask('POST', `/clusters/${person.cluster}/etcd${path}`, body);
  const { code, message } = answer.json as { code: number; message: string };
  return { status: answer.status, code, message };
}

const b64 = (text: string) => Buffer.from(text).toString('base64');
const KEY = { key: b64('a') };

interface Case {
  readonly what: string;
  readonly grpc: () => readonly [path: string, message: Uint8Array];
  readonly json: () => readonly [path: string, body: object];
  readonly code: number;
  readonly http: number;
  readonly words: string;
}

const CASES: readonly Case[] = [
  {
    what: 'a value above 1.5 MB',
    grpc: () => ['/etcdserverpb.KV/Put', encodeRequest('Put', putOf('big', 'x'.repeat(1_600_000)))],
    json: () => ['/v3/kv/put', { key: b64('big'), value: b64('x'.repeat(1_600_000)) }],
    code: status.INVALID_ARGUMENT,
    http: 400,
    words: 'etcdserver: request is too large',
  },
  {
    what: 'a put with a lease that is unknown',
    grpc: () => ['/etcdserverpb.KV/Put', encodeRequest('Put', putOf('a', 'x', { lease: LEASE }))],
    json: () => ['/v3/kv/put', { ...KEY, lease: String(LEASE) }],
    code: status.NOT_FOUND,
    http: 404,
    words: 'etcdserver: requested lease not found',
  },
  {
    what: 'the end of a lease that is unknown',
    grpc: () => ['/etcdserverpb.Lease/LeaseRevoke', encodeRequest('LeaseRevoke', { id: LEASE })],
    json: () => ['/v3/lease/revoke', { ID: String(LEASE) }],
    code: status.NOT_FOUND,
    http: 404,
    words: 'etcdserver: requested lease not found',
  },
  ...[false, true].flatMap((serializable): Case[] => [
    {
      what: `a revision that was compacted${serializable ? ', of the copy' : ''}`,
      grpc: () => ['/etcdserverpb.KV/Range', encodeRequest('Range', rangeOf('a', { revision: 2, serializable }))],
      json: () => ['/v3/kv/range', { ...KEY, revision: '2', serializable }],
      code: status.OUT_OF_RANGE,
      http: 400,
      words: 'etcdserver: mvcc: required revision has been compacted',
    },
    {
      what: `a revision of the future${serializable ? ', of the copy' : ''}`,
      grpc: () => ['/etcdserverpb.KV/Range', encodeRequest('Range', rangeOf('a', { revision: 1_000, serializable }))],
      json: () => ['/v3/kv/range', { ...KEY, revision: '1000', serializable }],
      code: status.OUT_OF_RANGE,
      http: 400,
      words: 'etcdserver: mvcc: required revision is a future revision',
    },
  ]),
  {
    what: 'a compaction of what was compacted',
    grpc: () => ['/etcdserverpb.KV/Compact', encodeRequest('Compact', { revision: 2, physical: false })],
    json: () => ['/v3/kv/compaction', { revision: '2' }],
    code: status.OUT_OF_RANGE,
    http: 400,
    words: 'etcdserver: mvcc: required revision has been compacted',
  },
  {
    what: 'a compaction of the future',
    grpc: () => ['/etcdserverpb.KV/Compact', encodeRequest('Compact', { revision: 1_000, physical: false })],
    json: () => ['/v3/kv/compaction', { revision: '1000' }],
    code: status.OUT_OF_RANGE,
    http: 400,
    words: 'etcdserver: mvcc: required revision is a future revision',
  },
];

describe("is refused in etcd's words", () => {
  test.each(CASES)(
    "$what: by the host's gRPC, the host's JSON gateway and the API's",
    async ({ grpc: call, json: post, ...expected }) => {
      expect(await grpc(...call())).toEqual({ code: expected.code, details: expected.words });
      const [path, body] = post();
      const refused = { status: expected.http, code: expected.code, message: expected.words };
      expect(await json(path, JSON.stringify(body))).toEqual(refused);
      expect(await api(path, body)).toEqual(refused);
    },
  );

  test.each(['Put', 'DeleteRange'] as const)('bytes that are no %s, which the control plane reads', async (method) => {
    const cut = encodeRequest('Put', putOf('a', 'x')).subarray(0, -1);
    expect(await grpc(`/etcdserverpb.KV/${method}`, cut)).toEqual({
      code: status.INTERNAL,
      details: 'grpc: error unmarshalling request: unexpected EOF',
    });
  });

  test('JSON that is not UTF-8, none at all, or longer than anything that could be right', async () => {
    const before = Buffer.from('{"key":"YQ==","value":"');
    const broken = await json('/v3/kv/put', Buffer.concat([before, Buffer.from([0xff, 0xfe]), Buffer.from('"}')]));
    expect(broken).toEqual({ status: 400, code: status.INVALID_ARGUMENT, message: 'the body is not valid UTF-8' });
    expect(await json('/v3/kv/put', '{"key":')).toMatchObject({ status: 400, code: status.INVALID_ARGUMENT });
    const long = JSON.stringify({ ...KEY, value: b64('x'.repeat(3_100_000)) });
    expect(await json('/v3/kv/put', long)).toMatchObject({ status: 400, message: 'etcdserver: request is too large' });
  });

  test('nothing of it was done, or was a fault of ours', async () => {
    const { kvs, revision } = await kv.service.call('Range', rangeOf('a'), {});
    expect([Buffer.from(kvs[0]!.value).toString(), revision]).toEqual(['3', 4]);
    expect(errors).toEqual([]);
  });
});

test('what a host passes on as it came is answered as what it reads itself', async () => {
  const answered = <M extends 'Put' | 'DeleteRange'>(method: M, request: EtcdRequestOf<M>) =>
    new Promise<Buffer>((resolve, reject) => {
      const bytes = Buffer.from(encodeRequest(method, request));
      const same = (value: Buffer) => value;
      client.makeUnaryRequest(`/etcdserverpb.KV/${method}`, same, same, bytes, (error, answer) => {
        if (answer) resolve(answer);
        else reject(error as Error);
      });
    });
  const identity = identityOf(person.cluster);
  const put = await answered('Put', putOf('relayed', '2', { prevKv: true }));
  const { revision } = decodeResponse('Put', put);
  expect(put).toEqual(Buffer.from(encodeResponse('Put', { revision, prevKv: undefined }, identity)));
  const deleted = await answered('DeleteRange', deleteOf('relayed', '', true));
  const kept = {
    key: 'relayed',
    value: new Uint8Array([50]),
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease: 0n,
  };
  expect(decodeResponse('DeleteRange', deleted)).toEqual({ revision: revision + 1, deleted: 1, prevKvs: [kept] });
  // It was seen here before it was answered.
  expect((await kv.service.call('Range', rangeOf('relayed', { serializable: true }), {})).revision).toBe(revision + 1);
});
