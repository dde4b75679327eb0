import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { EtcdError } from '../../../core/etcd/errors.ts';
import {
  decode,
  decodeResponse,
  encode,
  encodeRequest,
  METHOD_CODECS,
  watchAnswer,
  watchRequest,
} from '../../../core/etcd/protobuf/index.ts';
import type { EtcdCaller, EtcdService } from '../../../core/etcd/service.ts';
import { putOf, putOp, rangeOf, txnOf } from '../../../core/etcd/testing/requests.ts';
import { eventually } from '../../support/eventually.ts';
import { RawClient } from '../http2/raw-client.ts';
import { type OurEtcd, startOurs } from './our-etcd.ts';

/** gRPC as grpc-js, another implementation of it, sees it. */

let ours: OurEtcd;
let client: Client;
/** What Range is asked and by whom, while a test wants to know. */
let onRange: ((caller: EtcdCaller) => Promise<void>) | undefined;

beforeAll(async () => {
  const plain = await startOurs();
  await plain.server.close();
  const service: EtcdService = {
    ...plain.service,
    async call(method, request, caller) {
      if (method === 'Range') await onRange?.(caller);
      return plain.service.call(method, request, caller);
    },
    watch: (caller) => plain.service.watch(caller),
  };
  ours = await startOurs({ service });
  client = new Client(`${ours.host}:${ours.port}`, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
});
afterAll(async () => {
  client.close();
  await ours.stop();
});

interface Answer {
  readonly error?: ServiceError;
  readonly bytes?: Buffer;
}

function call(path: string, message: Uint8Array, options: { metadata?: Metadata; deadline?: number } = {}): Promise<Answer> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      (value: Uint8Array) => Buffer.from(value),
      (bytes: Buffer) => bytes,
      message,
      options.metadata ?? new Metadata(),
      options.deadline === undefined ? {} : { deadline: Date.now() + options.deadline },
      (error, bytes) => resolve({ ...(error && { error }), ...(bytes && { bytes }) }),
    );
  });
}

const range = (key: string, options = {}) => call('/etcdserverpb.KV/Range', encodeRequest('Range', rangeOf(key)), options);
const put = (key: string, value: string) => call('/etcdserverpb.KV/Put', encodeRequest('Put', putOf(key, value)));

test('a request and its answer', async () => {
  expect((await put('grpc', 'x'.repeat(100_000))).error).toBeUndefined();
  const { kvs, count } = decodeResponse('Range', (await range('grpc')).bytes!);
  expect([count, kvs[0]!.value.length]).toEqual([1, 100_000]);
});

test('an answer of many megabytes comes through the windows, whole', async () => {
  for (let n = 0; n < 12; n++) await put(`large/${n}`, String(n % 10).repeat(1_000_000));
  const { bytes } = await call('/etcdserverpb.KV/Range', encodeRequest('Range', rangeOf('large/', { rangeEnd: 'large0' })));
  const { kvs } = decodeResponse('Range', bytes!);
  expect(kvs.map(({ value }) => value.length)).toEqual(Array.from({ length: 12 }, () => 1_000_000));
  expect(kvs.every(({ key, value }) => value.every((byte) => byte === key.charCodeAt(key.length - 1)))).toBe(true);
});

test('a range of a hundred thousand keys comes whole, and in order', async () => {
  const [COUNT, AT_ONCE] = [100_000, 125];
  const keyOf = (n: number) => `all/${String(n).padStart(6, '0')}`;
  const load = async (from: number) => {
    const puts = Array.from({ length: AT_ONCE }, (_, n) => putOp(keyOf(from + n), 'v'));
    expect((await call('/etcdserverpb.KV/Txn', encodeRequest('Txn', txnOf(puts)))).error).toBeUndefined();
  };
  for (let from = 0; from < COUNT; from += AT_ONCE * 40) {
    await Promise.all(Array.from({ length: 40 }, (_, n) => load(from + n * AT_ONCE)));
  }
  const { bytes } = await call('/etcdserverpb.KV/Range', encodeRequest('Range', rangeOf('all/', { rangeEnd: 'all0' })));
  const { kvs, count, more } = decodeResponse('Range', bytes!);
  expect([count, kvs.length, more]).toEqual([COUNT, COUNT, false]);
  expect(kvs.every(({ key }, n) => key === keyOf(n))).toBe(true);
});

describe('refusals', () => {
  test("an error of etcd's has its code and its words", async () => {
    const { error } = await put('', 'x');
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'etcdserver: key is not provided' });
  });

  test('words beyond ASCII arrive as they are', async () => {
    onRange = () => Promise.reject(new EtcdError(9, 'nein: 100 % – für ímmer 🙂\n'));
    const { error } = await range('x');
    onRange = undefined;
    expect(error).toMatchObject({ code: 9, details: 'nein: 100 % – für ímmer 🙂\n' });
  });

  test('a fault of ours is told to us, and the client learns nothing of it', async () => {
    onRange = () => Promise.reject(new Error('secret'));
    const { error } = await range('x');
    onRange = undefined;
    expect(error).toMatchObject({ code: status.INTERNAL });
    expect(error!.details).not.toContain('secret');
    expect(ours.errors.splice(0)).toEqual([new Error('secret')]);
  });

  test.each(['/etcdserverpb.KV/RangeStream', '/nothing.Service/Method', '/etcdserverpb.Maintenance/Downgrade', '/x'])(
    'a method that is unknown: %s',
    async (path) => {
      expect((await call(path, Buffer.alloc(0))).error).toMatchObject({ code: status.UNIMPLEMENTED });
    },
  );

  test('a message that is none', async () => {
    expect((await call('/etcdserverpb.KV/Range', Buffer.from([0xff]))).error).toMatchObject({ code: status.INTERNAL });
  });

  test('requests above what etcd takes, in its words', async () => {
    expect((await put('big', 'x'.repeat(1_600_000))).error).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'etcdserver: request is too large',
    });
    const { error } = await put('big', 'x'.repeat(3_000_000));
    expect(error!.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error!.details).toMatch(/^grpc: received message larger than max \(\d+ vs\. 2097152\)$/);
  });

  test('a compressed message, and which encodings there are', async () => {
    const raw = await RawClient.ready(ours.port);
    raw.headers(1, [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/etcdserverpb.KV/Range'],
      ['content-type', 'application/grpc'],
      ['grpc-encoding', 'gzip'],
    ]);
    expect(await raw.response(1)).toMatchObject({ 'grpc-status': '12', 'grpc-accept-encoding': 'identity' });
    raw.close();
  });

  test('HTTP/2 that is no gRPC', async () => {
    const raw = await RawClient.ready(ours.port);
    raw.headers(1);
    expect(await raw.response(1)).toMatchObject({ ':status': '415' });
    raw.headers(3, [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/etcdserverpb.KV/Range'],
      ['content-type', 'application/grpc'],
    ]);
    expect(await raw.response(3)).toMatchObject({ 'grpc-status': '13' });
    raw.close();
  });
});

test('a deadline ends the call on both sides', async () => {
  let signal: AbortSignal | undefined;
  onRange = (caller) => {
    signal = caller.signal;
    return new Promise(() => {});
  };
  const { error } = await range('x', { deadline: 100 });
  onRange = undefined;
  expect(error!.code).toBe(status.DEADLINE_EXCEEDED);
  await eventually('the service is told', async () => {
    if (!signal?.aborted) throw new Error('not aborted');
  });
});

test("a client's token and its wish for a leader reach the service", async () => {
  let seen: EtcdCaller | undefined;
  onRange = async ({ token, requireLeader }) => {
    seen = { token, requireLeader };
  };
  const metadata = new Metadata();
  metadata.set('token', 'a-token');
  metadata.set('hasleader', 'true');
  await range('x', { metadata });
  onRange = undefined;
  expect(seen).toEqual({ token: 'a-token', requireLeader: true });
});

describe('streams', () => {
  const openWatch = () =>
    client.makeBidiStreamRequest(
      '/etcdserverpb.Watch/Watch',
      (value: Uint8Array) => Buffer.from(value),
      (bytes: Buffer) => decode(watchAnswer, bytes),
    );
  const create = (key: string, rangeEnd = '') =>
    encode(watchRequest, {
      type: 'create',
      request: {
        key,
        rangeEnd,
        startRevision: 0,
        progressNotify: false,
        filters: [],
        prevKv: false,
        watchId: 0,
        fragment: false,
      },
    });

  test('ten thousand watches of one client, each with its own event', async () => {
    const stream = openWatch();
    let created = 0;
    const events = new Map<number, string>();
    const done = new Promise<void>((resolve, reject) => {
      stream.on('error', (error: ServiceError) => error.code !== status.CANCELLED && reject(error));
      stream.on('data', (answer: ReturnType<typeof watchAnswer.read>) => {
        if (answer.created && ++created === 10_000) void put('many/7777', 'x');
        for (const { kv } of answer.events ?? []) events.set(answer.watchId, kv.key);
        if (events.size > 0) resolve();
      });
    });
    for (let n = 0; n < 10_000; n++) stream.write(create(`many/${n}`));
    await done;
    expect([...events]).toEqual([[7777, 'many/7777']]);
    stream.cancel();
  });

  test("the client's end of a stream ends it", async () => {
    const watch = openWatch();
    const ended = new Promise((resolve) => watch.on('status', resolve));
    watch.on('data', () => watch.end());
    watch.write(create('a'));
    expect(await ended).toMatchObject({ code: status.OK });
  });

  test('keep-alives are answered in order; of a lease that is gone with 0', async () => {
    const { request, response } = METHOD_CODECS.LeaseKeepAlive;
    await call('/etcdserverpb.Lease/LeaseGrant', encodeRequest('LeaseGrant', { id: 77n, ttl: 60n }));
    const stream = client.makeBidiStreamRequest(
      '/etcdserverpb.Lease/LeaseKeepAlive',
      (id: bigint) => Buffer.from(encode(request, { id })),
      (bytes: Buffer) => decode(response, bytes),
    );
    const answers: string[] = [];
    const ended = new Promise((resolve) => stream.on('status', resolve));
    stream.on('data', ({ id, ttl }: { id: bigint; ttl: number }) => answers.push(`${id}:${ttl}`));
    for (let n = 0; n < 50; n++) stream.write(n % 2 ? 77n : 404n);
    stream.end();
    expect(await ended).toMatchObject({ code: status.OK });
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => (n % 2 ? '77:60' : '404:0')));
  });

  test('a server that stops ends its streams in time', async () => {
    const own = await startOurs();
    const raw = await RawClient.ready(own.port);
    raw.headers(
      1,
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/etcdserverpb.Watch/Watch'],
        ['content-type', 'application/grpc'],
      ],
      4,
    );
    await raw.alive();
    await own.server.close(50);
    await raw.untilClosed();
  });
});
