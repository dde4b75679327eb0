import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { headerBlock, type Header } from '../../../agent/http2/hpack/encode.ts';
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from '../../../agent/http2/protocol.ts';
import { eventually } from '../../support/eventually.ts';
import { type EchoServer, startEcho } from './echo-server.ts';
import { RawClient, rawFrame, REQUEST, uint32 } from './raw-client.ts';

/** What a hostile client can make the server do, and what it can't. */

const { enhanceYourCalm, settingsTimeout } = ERROR;
const { endHeaders, endStream, ack } = FLAG;
const path = (value: string): Header[] => REQUEST.map(([name, old]) => (name === ':path' ? [name, value] : [name, old]));

let echo: EchoServer;
beforeAll(async () => {
  echo = await startEcho({
    resets: { burst: 50, perSecond: 0 },
    idleFrames: { burst: 50, perSecond: 0 },
    concurrentStreams: 200,
  });
});
afterAll(() => echo.stop());

/** As often as it takes for the server to lose its patience: it is told so, and cut. */
async function flood(client: RawClient, frames: (n: number) => Uint8Array, most = 5000): Promise<number> {
  for (let n = 0; n < most && !client.closed; n++) client.write(frames(n));
  return client.goawayCode();
}

describe('floods', () => {
  test('streams that are opened and reset at once (CVE-2023-44487)', async () => {
    const client = await RawClient.ready(echo.port);
    const block = headerBlock(path('/hold')).bytes;
    const pair = (n: number) =>
      Buffer.concat([
        rawFrame(FRAME.headers, endHeaders | endStream, 2 * n + 1, block),
        rawFrame(FRAME.rstStream, 0, 2 * n + 1, uint32(8)),
      ]);
    expect(await flood(client, pair)).toBe(enhanceYourCalm);
  });

  test('streams that the server is made to reset (CVE-2025-8671)', async () => {
    const client = await RawClient.ready(echo.port);
    const block = headerBlock(path('/hold')).bytes;
    const pair = (n: number) =>
      Buffer.concat([
        rawFrame(FRAME.headers, endHeaders | endStream, 2 * n + 1, block),
        rawFrame(FRAME.windowUpdate, 0, 2 * n + 1, uint32(0)),
      ]);
    expect(await flood(client, pair)).toBe(enhanceYourCalm);
  });

  test('a header block that never ends', async () => {
    const client = await RawClient.ready(echo.port);
    client.frame(FRAME.headers, endStream, 1, headerBlock(REQUEST).bytes);
    expect(await flood(client, () => rawFrame(FRAME.continuation, 0, 1, Buffer.from([0x00, 0x01, 0x61, 0x00])))).toBe(
      enhanceYourCalm,
    );
  });

  test('a header block that never ends, in frames of nothing', async () => {
    const client = await RawClient.ready(echo.port);
    client.frame(FRAME.headers, endStream, 1, headerBlock(REQUEST).bytes);
    expect(await flood(client, () => rawFrame(FRAME.continuation, 0, 1, Buffer.alloc(0)))).toBe(enhanceYourCalm);
  });

  test.each([
    ['settings', () => rawFrame(FRAME.settings, 0, 0, Buffer.alloc(0))],
    ['priorities', () => rawFrame(FRAME.priority, 0, 1, Buffer.alloc(5))],
    ['frames of unknown types', () => rawFrame(0x55, 0, 0, Buffer.alloc(0))],
    ['pings', () => rawFrame(FRAME.ping, 0, 0, Buffer.alloc(8))],
  ])('%s', async (_, frame) => {
    expect(await flood(await RawClient.ready(echo.port), frame)).toBe(enhanceYourCalm);
  });

  test('data of nothing', async () => {
    const client = await RawClient.ready(echo.port);
    client.headers(1, REQUEST, endHeaders);
    expect(await flood(client, () => rawFrame(FRAME.data, 0, 1, Buffer.alloc(0)))).toBe(enhanceYourCalm);
  });

  test('a field that is asked for a million times in few bytes (a compression bomb)', async () => {
    const client = await RawClient.ready(echo.port);
    const bomb = Buffer.concat([
      headerBlock(REQUEST).bytes,
      Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 'x'),
    ]);
    const block = Buffer.concat([bomb, Buffer.alloc(16_384 - bomb.length, 0xbe)]);
    client.frame(FRAME.headers, endHeaders | endStream, 1, block);
    expect(await client.resetCode(1)).toBe(enhanceYourCalm);
    expect(await client.alive()).toBe(true);
    client.close();
  });
});

test('a client that asks and does not read costs the server a bounded amount', async () => {
  const client = await RawClient.ready(echo.port, [[SETTING.initialWindowSize, 0x7fff_ffff]]);
  client.frame(FRAME.windowUpdate, 0, 0, uint32(0x7000_0000));
  client.pause();
  const before = process.memoryUsage().arrayBuffers;
  for (let id = 1; id < 100; id += 2) client.headers(id, path('/large'));
  // What its streams hold is held once each; what is framed for it is bounded.
  await eventually('the requests have arrived', async () => {
    if (echo.streams.filter((stream) => stream.path === '/large').length < 50) throw new Error('not yet');
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150_000_000);
  client.resume();
  const ended = new Set<number>();
  while (ended.size < 50) {
    ended.add((await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0)).id);
  }
  client.close();
});

/** Short is only what a test's client is to be too slow for: for the rest, on the same event loop, it has the time that a busy machine takes. */
describe('clients that are slow on purpose', () => {
  const servers: EchoServer[] = [];
  const patientExcept = async (limits: Parameters<typeof startEcho>[0]) => {
    const server = await startEcho({
      handshakeTimeout: 60_000,
      frameTimeout: 60_000,
      keepaliveTimeout: 60_000,
      sweepInterval: 20,
      ...limits,
    });
    servers.push(server);
    return server.port;
  };
  afterAll(async () => void (await Promise.all(servers.map((server) => server.stop()))));

  test('no preface', async () => {
    const client = await RawClient.open(await patientExcept({ handshakeTimeout: 50 }));
    expect(await client.goawayCode()).toBe(settingsTimeout);
  });

  test('a preface in pieces, and no settings', async () => {
    const client = await RawClient.open(await patientExcept({ handshakeTimeout: 50 }));
    client.write(PREFACE.subarray(0, 10));
    expect(await client.goawayCode()).toBe(settingsTimeout);
  });

  test('a frame that is begun and not completed', async () => {
    const client = await RawClient.ready(await patientExcept({ frameTimeout: 50 }));
    client.write(rawFrame(FRAME.headers, endHeaders, 1, Buffer.from([0x82]), 100));
    expect(await client.goawayCode()).toBe(enhanceYourCalm);
  });

  test('a header block that is begun and not completed', async () => {
    const client = await RawClient.ready(await patientExcept({ frameTimeout: 50 }));
    client.frame(FRAME.headers, endStream, 1, Buffer.from([0x82]));
    expect(await client.goawayCode()).toBe(enhanceYourCalm);
  });

  test('silence: it is asked whether it lives, and cut when it says nothing', async () => {
    const client = await RawClient.ready(await patientExcept({ keepaliveInterval: 100, keepaliveTimeout: 50 }));
    await client.next(({ type, flags }) => type === FRAME.ping && flags === 0);
    expect(await client.goawayCode()).toBe(ERROR.none);
  });

  test('an answer to that keeps it, and it is asked again', async () => {
    const client = await RawClient.ready(await patientExcept({ keepaliveInterval: 100 }));
    for (let n = 0; n < 3; n++) {
      const { payload } = await client.next(({ type, flags }) => type === FRAME.ping && flags === 0);
      client.frame(FRAME.ping, ack, 0, payload);
    }
    client.close();
  });
});

test('more connections than allowed are not let in, and the others live', async () => {
  const small = await startEcho({}, 2);
  const [one, two] = [await RawClient.ready(small.port), await RawClient.ready(small.port)];
  const third = await RawClient.open(small.port);
  await third.untilClosed();
  expect([await one.alive(), await two.alive()]).toEqual([true, true]);
  one.close();
  two.close();
  await small.stop();
});

/** A valid conversation, to be spoilt. */
const CONVERSATION = Buffer.concat([
  rawFrame(FRAME.settings, 0, 0, Buffer.alloc(0)),
  rawFrame(FRAME.headers, endHeaders, 1, headerBlock(REQUEST).bytes),
  rawFrame(FRAME.data, endStream, 1, Buffer.from('hello')),
  rawFrame(FRAME.headers, endStream, 3, headerBlock(REQUEST).bytes.subarray(0, 4)),
  rawFrame(FRAME.continuation, endHeaders, 3, headerBlock(REQUEST).bytes.subarray(4)),
  rawFrame(FRAME.windowUpdate, 0, 0, uint32(1000)),
  rawFrame(FRAME.ping, ack, 0, Buffer.alloc(8)),
]);

test('whatever the bytes, the connection ends or goes on; the server does not fail, and holds nothing afterwards', async () => {
  const spoilt = fc
    .array(fc.tuple(fc.nat(CONVERSATION.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 })
    .map((changes) => {
      const bytes = Buffer.from(CONVERSATION);
      for (const [at, value] of changes) bytes[at] = value;
      return Buffer.concat([PREFACE, bytes]);
    });
  const frame = fc
    .tuple(fc.nat(12), fc.nat(255), fc.nat(5), fc.uint8Array({ maxLength: 40 }))
    .map(([type, flags, id, payload]) => rawFrame(type, flags, id, payload));
  const frames = fc
    .array(frame, { maxLength: 12 })
    .map((list) => Buffer.concat([PREFACE, rawFrame(FRAME.settings, 0, 0, Buffer.alloc(0)), ...list]));
  const noise = fc.uint8Array({ maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(spoilt, frames, noise), fc.nat(100), async (bytes, cut) => {
      const client = await RawClient.open(echo.port);
      client.write(bytes.subarray(0, cut));
      client.write(bytes.subarray(cut));
      client.close();
    }),
    { numRuns: 400 },
  );
  const client = await RawClient.ready(echo.port);
  client.headers(1);
  expect(await client.response(1)).toMatchObject({ ':status': '200' });
  client.close();
  await eventually('all connections are gone', async () => {
    if (echo.server.connectionCount > 0) throw new Error(`${echo.server.connectionCount} are left`);
  });
  // Sockets may fail; we may not.
  expect(echo.errors.filter((error) => error.name !== 'ConnectionError' && !('syscall' in error))).toEqual([]);
});
