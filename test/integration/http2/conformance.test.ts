import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { headerBlock, type Header } from '../../../agent/http2/hpack/encode.ts';
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from '../../../agent/http2/protocol.ts';
import { type EchoServer, startEcho } from './echo-server.ts';
import { RawClient, REQUEST, uint32 } from './raw-client.ts';

/** What RFC 9113 asks of a server, by its sections; and RFC 7541 of its decoder. */

let echo: EchoServer;
const open: RawClient[] = [];

beforeAll(async () => {
  echo = await startEcho({ concurrentStreams: 100 });
});
afterAll(async () => {
  for (const client of open) client.close();
  await echo.stop();
});

const NOTHING = Buffer.alloc(0);
const { protocol, flowControl, streamClosed, frameSize, refusedStream, compression, enhanceYourCalm, cancel } = ERROR;
const { endHeaders, endStream, ack, padded } = FLAG;
const path = (value: string): Header[] => REQUEST.map(([name, old]) => (name === ':path' ? [name, value] : [name, old]));
const without = (name: string) => REQUEST.filter(([each]) => each !== name);

async function ready(settings?: readonly (readonly [number, number])[]): Promise<RawClient> {
  const client = await RawClient.ready(echo.port, settings);
  open.push(client);
  return client;
}

type Act = (client: RawClient) => void | Promise<void>;

/** The connection is told the error and closed. */
function ends(name: string, code: number, act: Act): void {
  test(name, async () => {
    const client = await ready();
    await act(client);
    expect(await client.goawayCode()).toBe(code);
  });
}

/** Only the stream is reset; the connection lives. */
function resets(name: string, code: number, act: Act, id = 1): void {
  test(name, async () => {
    const client = await ready();
    await act(client);
    expect(await client.resetCode(id)).toBe(code);
    expect(await client.alive()).toBe(true);
  });
}

/** Nothing happens, and a request is answered afterwards. */
function harmless(name: string, act: Act): void {
  test(name, async () => {
    const client = await ready();
    await act(client);
    client.headers(99);
    expect(await client.response(99)).toMatchObject({ ':status': '200' });
  });
}

describe('3.4 connection preface', () => {
  test('the server sends its settings first', async () => {
    const client = await RawClient.open(echo.port);
    open.push(client);
    await client.next(() => true);
    expect(client.frames[0]).toMatchObject({ type: FRAME.settings, flags: 0, id: 0 });
  });

  test('something else is cut off', async () => {
    const client = await RawClient.open(echo.port);
    client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(await client.goawayCode()).toBe(protocol);
  });

  test('it may come byte by byte', async () => {
    const client = await RawClient.open(echo.port);
    open.push(client);
    for (const byte of PREFACE) client.write(Buffer.from([byte]));
    client.settings([]);
    await client.next((frame) => frame.type === FRAME.settings && frame.flags === ack);
  });

  test('the first frame has to be SETTINGS', async () => {
    const client = await RawClient.open(echo.port);
    client.write(PREFACE);
    client.frame(FRAME.ping, 0, 0, Buffer.alloc(8));
    expect(await client.goawayCode()).toBe(protocol);
  });
});

describe('4.1 frames', () => {
  harmless('of unknown types are ignored', (client) => client.frame(0x42, 0xff, 7, Buffer.from('whatever')));
  harmless('with unknown flags are taken', (client) => client.frame(FRAME.ping, 0x16, 0, Buffer.alloc(8)));
  harmless('with the reserved bit set are taken', (client) => client.frame(FRAME.ping, 0, 0x8000_0000, Buffer.alloc(8)));
  test('in bytes, however they are cut', async () => {
    const client = await ready();
    const bytes = [...rawHeaders(1, path('/echo'), endHeaders), ...rawData(1, Buffer.from('in pieces'), endStream)];
    for (const byte of bytes) client.write(Buffer.from([byte]));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('in pieces');
  });
});

describe('4.2 frame size', () => {
  ends('DATA above what is allowed', frameSize, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.alloc(16_385));
  });
  ends('HEADERS above what is allowed', frameSize, (client) =>
    client.frame(FRAME.headers, endHeaders | endStream, 1, Buffer.alloc(16_385)),
  );
  test('the largest that is allowed', async () => {
    const client = await ready();
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.alloc(16_384, 'x'));
    expect((await client.next(({ type }) => type === FRAME.data)).payload).toHaveLength(16_384);
  });
});

describe('4.3 header compression', () => {
  ends('a block that is none', compression, (client) =>
    client.frame(FRAME.headers, endHeaders | endStream, 1, Buffer.from([0x80])),
  );
  ends('a block on a stream that is refused is decoded all the same', compression, (client) => {
    client.headers(1);
    client.frame(FRAME.headers, endHeaders | endStream, 1, Buffer.from([0xff, 0xff]));
  });
  ends('other frames in a header block', protocol, (client) => {
    client.headers(1, REQUEST, endStream);
    client.frame(FRAME.ping, 0, 0, Buffer.alloc(8));
  });
  ends("another stream's continuation in a header block", protocol, (client) => {
    client.headers(1, REQUEST, endStream);
    client.frame(FRAME.continuation, endHeaders, 3);
  });
  ends('unknown frames in a header block', protocol, (client) => {
    client.headers(1, REQUEST, endStream);
    client.frame(0x42, 0, 0);
  });
});

describe('5.1 stream states', () => {
  ends('idle: DATA', protocol, (client) => client.data(1, NOTHING));
  ends('idle: RST_STREAM', protocol, (client) => client.frame(FRAME.rstStream, 0, 1, uint32(cancel)));
  ends('idle: WINDOW_UPDATE', protocol, (client) => client.frame(FRAME.windowUpdate, 0, 1, uint32(1)));
  ends('idle: CONTINUATION', protocol, (client) => client.frame(FRAME.continuation, endHeaders, 1));
  harmless('idle: PRIORITY', (client) => client.frame(FRAME.priority, 0, 1, Buffer.alloc(5)));
  ends('half-closed: DATA', streamClosed, (client) => {
    client.headers(1, path('/hold'));
    client.data(1, Buffer.from('more'));
  });
  resets('half-closed: HEADERS', streamClosed, (client) => {
    client.headers(1, path('/hold'));
    client.headers(1);
  });
  harmless('half-closed: WINDOW_UPDATE and PRIORITY', (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.windowUpdate, 0, 1, uint32(1));
    client.frame(FRAME.priority, 0, 1, Buffer.alloc(5));
  });
  ends('closed: DATA', streamClosed, async (client) => {
    client.headers(1);
    await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0);
    client.data(1, Buffer.from('late'));
  });
  ends('closed: HEADERS', streamClosed, async (client) => {
    client.headers(1);
    await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0);
    client.headers(1);
  });
  ends('closed by RST_STREAM: DATA', streamClosed, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.frame(FRAME.rstStream, 0, 1, uint32(cancel));
    client.data(1, Buffer.from('late'));
  });
  harmless('closed: WINDOW_UPDATE, PRIORITY and RST_STREAM', async (client) => {
    client.headers(1);
    await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0);
    client.frame(FRAME.windowUpdate, 0, 1, uint32(1));
    client.frame(FRAME.priority, 0, 1, Buffer.alloc(5));
    client.frame(FRAME.rstStream, 0, 1, uint32(cancel));
  });
  harmless('reset by the server: what was under way is ignored', async (client) => {
    client.headers(1, path('/early'), endHeaders);
    await client.resetCode(1);
    client.data(1, Buffer.from('was under way'), 0);
    client.headers(1);
  });
});

describe('5.1.1 stream identifiers', () => {
  ends('an even one', protocol, (client) => client.headers(2));
  ends('a smaller one than before', streamClosed, (client) => {
    client.headers(5, path('/hold'));
    client.headers(3);
  });
  ends('none', protocol, (client) => client.headers(0));
});

describe('5.1.2 concurrency', () => {
  test('the server says how many streams it takes, and refuses the next', async () => {
    const client = await ready();
    for (let id = 1; id <= 201; id += 2) client.headers(id, path('/hold'));
    expect(await client.resetCode(201)).toBe(refusedStream);
    client.frame(FRAME.rstStream, 0, 1, uint32(cancel));
    client.headers(203);
    expect(await client.response(203)).toMatchObject({ ':status': '200' });
  });
});

describe('5.2 flow control', () => {
  test('no more is sent than the stream allows, and the rest when it does', async () => {
    const client = await ready([[SETTING.initialWindowSize, 3]]);
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.from('0123456789'));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('012');
    expect(await client.alive()).toBe(true);
    client.frame(FRAME.windowUpdate, 0, 1, uint32(5));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('34567');
    client.frame(FRAME.windowUpdate, 0, 1, uint32(100));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('89');
    await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0);
  });

  test('no more is sent than the connection allows, whatever the streams do', async () => {
    const client = await ready([[SETTING.initialWindowSize, 1_000_000]]);
    client.headers(1, path('/large'));
    client.headers(3, path('/large'));
    let bytes = 0;
    while (bytes < 65_535) bytes += (await client.next(({ type }) => type === FRAME.data)).payload.length;
    expect(await client.alive()).toBe(true);
    expect(client.frames.filter(({ type }) => type === FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0)).toBe(
      65_535,
    );
    client.frame(FRAME.windowUpdate, 0, 0, uint32(2_000_000));
    for (const id of [1, 3]) client.frame(FRAME.windowUpdate, 0, id, uint32(1_000_000));
    const ended = new Set<number>();
    while (ended.size < 2) {
      const frame = await client.next(({ type, flags }) => type === FRAME.headers && (flags & endStream) !== 0);
      ended.add(frame.id);
    }
  });

  ends('a client that sends more than the connection allows', flowControl, async (client) => {
    // Four streams of 1 MiB fill the connection's window of 4 MiB; the streams keep to theirs.
    for (let id = 1; id <= 9; id += 2) client.headers(id, path('/greedy'), endHeaders);
    for (let round = 0; round < 52; round++) {
      for (let id = 1; id <= 9; id += 2) client.data(id, Buffer.alloc(16_384), 0);
    }
  });

  resets('a client that sends more than the stream allows', flowControl, (client) => {
    client.headers(1, path('/greedy'), endHeaders);
    for (let n = 0; n <= 64; n++) client.data(1, Buffer.alloc(16_384), 0);
  });

  test('what a reset stream held is given back to the connection', async () => {
    const client = await ready();
    for (let id = 1; id < 41; id += 2) {
      client.headers(id, path('/greedy'), endHeaders);
      for (let n = 0; n < 32; n++) client.data(id, Buffer.alloc(16_384), 0);
      client.frame(FRAME.rstStream, 0, id, uint32(cancel));
    }
    client.headers(41);
    expect(await client.response(41)).toMatchObject({ ':status': '200' });
  });
});

describe('6.1 DATA', () => {
  ends('on the connection', protocol, (client) => client.data(0, NOTHING));
  test('padding is taken off, and counts for flow control', async () => {
    const client = await ready();
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.concat([Buffer.from([3]), Buffer.from('text'), Buffer.alloc(3)]), padded | endStream);
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('text');
  });
  ends('padding longer than the frame', protocol, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.from([5, 0, 0, 0, 0]), padded | endStream);
  });
  ends('padded, and empty', frameSize, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.data(1, NOTHING, padded | endStream);
  });
});

describe('6.2 HEADERS', () => {
  test('padding and priority are taken off', async () => {
    const client = await ready();
    const block = headerBlock(REQUEST).bytes;
    const payload = Buffer.concat([Buffer.from([2]), Buffer.alloc(5), block, Buffer.alloc(2)]);
    client.frame(FRAME.headers, endHeaders | endStream | padded | FLAG.priority, 1, payload);
    expect(await client.response(1)).toMatchObject({ ':status': '200' });
  });
  ends('padding longer than the frame', protocol, (client) =>
    client.frame(FRAME.headers, endHeaders | endStream | padded, 1, Buffer.from([9, 0x82])),
  );
  ends('too short for its priority', frameSize, (client) =>
    client.frame(FRAME.headers, endHeaders | endStream | FLAG.priority, 1, Buffer.alloc(3)),
  );
});

describe('6.3 PRIORITY', () => {
  ends('on the connection', protocol, (client) => client.frame(FRAME.priority, 0, 0, Buffer.alloc(5)));
  resets('of another length', frameSize, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.priority, 0, 1, Buffer.alloc(4));
  });
});

describe('6.4 RST_STREAM', () => {
  ends('on the connection', protocol, (client) => client.frame(FRAME.rstStream, 0, 0, uint32(cancel)));
  ends('of another length', frameSize, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.rstStream, 0, 1, Buffer.alloc(3));
  });
  test('aborts what the stream was doing', async () => {
    const client = await ready();
    const before = echo.aborted;
    client.headers(1, path('/hold'));
    client.frame(FRAME.rstStream, 0, 1, uint32(cancel));
    expect(await client.alive()).toBe(true);
    expect(echo.aborted).toBe(before + 1);
  });
});

describe('6.5 SETTINGS', () => {
  ends('on a stream', protocol, (client) => client.frame(FRAME.settings, 0, 1));
  ends('of a length that is no multiple of six', frameSize, (client) => client.frame(FRAME.settings, 0, 0, Buffer.alloc(5)));
  ends('an acknowledgement with content', frameSize, (client) => client.frame(FRAME.settings, ack, 0, Buffer.alloc(6)));
  ends('ENABLE_PUSH other than 0 and 1', protocol, (client) => client.settings([[SETTING.enablePush, 2]]));
  ends('INITIAL_WINDOW_SIZE above 2^31-1', flowControl, (client) => client.settings([[SETTING.initialWindowSize, 0x8000_0000]]));
  ends('MAX_FRAME_SIZE below 2^14', protocol, (client) => client.settings([[SETTING.maxFrameSize, 16_383]]));
  ends('MAX_FRAME_SIZE above 2^24-1', protocol, (client) => client.settings([[SETTING.maxFrameSize, 0x100_0000]]));
  test('are acknowledged, unknown ones, too', async () => {
    const client = await ready();
    client.settings([[0x77, 7]]);
    await client.next((frame) => frame.type === FRAME.settings && frame.flags === ack);
  });
});

describe('6.6 PUSH_PROMISE', () => {
  ends('from a client', protocol, (client) => client.frame(FRAME.pushPromise, endHeaders, 1, uint32(2)));
});

describe('6.7 PING', () => {
  test('is answered with the same content', async () => {
    const client = await ready();
    client.frame(FRAME.ping, 0, 0, Buffer.from('abcdefgh'));
    const { payload } = await client.next((frame) => frame.type === FRAME.ping && frame.flags === ack);
    expect(payload.toString()).toBe('abcdefgh');
  });
  harmless('an answer is not answered', (client) => client.frame(FRAME.ping, ack, 0, Buffer.alloc(8)));
  ends('on a stream', protocol, (client) => client.frame(FRAME.ping, 0, 1, Buffer.alloc(8)));
  ends('of another length', frameSize, (client) => client.frame(FRAME.ping, 0, 0, Buffer.alloc(7)));
});

describe('6.8 GOAWAY', () => {
  ends('on a stream', protocol, (client) => client.frame(FRAME.goaway, 0, 1, Buffer.alloc(8)));
  ends('too short', frameSize, (client) => client.frame(FRAME.goaway, 0, 0, Buffer.alloc(7)));
  harmless('from the client leaves its streams alone', (client) => client.frame(FRAME.goaway, 0, 0, Buffer.alloc(8)));

  test('a server that shuts down lets streams finish, refuses new ones, and closes', async () => {
    const own = await startEcho();
    const client = await RawClient.ready(own.port);
    client.headers(1, REQUEST, endHeaders);
    await client.alive();
    const stopped = own.server.close(10_000);
    const first = await client.next(({ type }) => type === FRAME.goaway);
    expect(first.payload.readUInt32BE(0)).toBe(0x7fff_ffff);
    const ping = await client.next(({ type, flags }) => type === FRAME.ping && flags === 0);
    client.headers(3, path('/hold'));
    client.frame(FRAME.ping, ack, 0, ping.payload);
    const second = await client.next(({ type }) => type === FRAME.goaway);
    expect([second.payload.readUInt32BE(0), second.payload.readUInt32BE(4)]).toEqual([3, ERROR.none]);
    client.headers(5);
    client.data(1, Buffer.from('the last words'));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('the last words');
    client.frame(FRAME.rstStream, 0, 3, uint32(cancel));
    await client.untilClosed();
    expect(client.frames.some(({ id }) => id === 5)).toBe(false);
    await stopped;
  });
});

describe('6.9 WINDOW_UPDATE', () => {
  ends('of another length', frameSize, (client) => client.frame(FRAME.windowUpdate, 0, 0, Buffer.alloc(3)));
  ends('of nothing, on the connection', protocol, (client) => client.frame(FRAME.windowUpdate, 0, 0, uint32(0)));
  resets('of nothing, on a stream', protocol, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.windowUpdate, 0, 1, uint32(0));
  });
  ends('beyond 2^31-1, on the connection', flowControl, (client) => {
    client.frame(FRAME.windowUpdate, 0, 0, uint32(0x7fff_ffff));
  });
  resets('beyond 2^31-1, on a stream', flowControl, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.windowUpdate, 0, 1, uint32(0x7fff_ffff));
  });
  ends('6.9.2: a change of the initial size that makes a window too large', flowControl, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.windowUpdate, 0, 1, uint32(0x7000_0000));
    client.settings([[SETTING.initialWindowSize, 0x7fff_ffff]]);
  });
  test('6.9.2: a smaller initial size can make a window negative', async () => {
    const client = await ready([[SETTING.initialWindowSize, 10]]);
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.from('0123456789abcdef'));
    expect((await client.next(({ type }) => type === FRAME.data)).payload).toHaveLength(10);
    client.settings([[SETTING.initialWindowSize, 4]]);
    client.frame(FRAME.windowUpdate, 0, 1, uint32(6));
    expect(await client.alive()).toBe(true);
    expect(client.frames.filter(({ type }) => type === FRAME.data)).toHaveLength(1);
    client.frame(FRAME.windowUpdate, 0, 1, uint32(1));
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('a');
  });
});

describe('6.10 CONTINUATION', () => {
  test('header blocks in many frames', async () => {
    const client = await ready();
    const block = headerBlock([...REQUEST, ['x-long', 'y'.repeat(2000)]]).bytes;
    client.frame(FRAME.headers, endStream, 1, block.subarray(0, 5));
    for (let at = 5; at < block.length; at += 100) {
      client.frame(FRAME.continuation, at + 100 >= block.length ? endHeaders : 0, 1, block.subarray(at, at + 100));
    }
    expect(await client.response(1)).toMatchObject({ ':status': '200' });
  });
  ends('after the end of a block', protocol, (client) => {
    client.headers(1, path('/hold'));
    client.frame(FRAME.continuation, endHeaders, 1);
  });
  ends('on the connection', protocol, (client) => {
    client.headers(1, REQUEST, endStream);
    client.frame(FRAME.continuation, endHeaders, 0);
  });
});

describe('8.1 requests', () => {
  resets('trailers that are not the end', protocol, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.headers(1, [['x-trailer', 'yes']], endHeaders);
  });
  test('trailers end the request', async () => {
    const client = await ready();
    client.headers(1, REQUEST, endHeaders);
    client.data(1, Buffer.from('body'), 0);
    client.headers(1, [['x-trailer', 'yes']]);
    expect((await client.next(({ type }) => type === FRAME.data)).payload.toString()).toBe('body');
  });
  resets('trailers with pseudo-headers', protocol, (client) => {
    client.headers(1, REQUEST, endHeaders);
    client.headers(1, [[':path', '/']]);
  });
  resets('8.1.1: more than content-length says', protocol, (client) => {
    client.headers(1, [...REQUEST, ['content-length', '2']], endHeaders);
    client.data(1, Buffer.from('abc'), 0);
  });
  resets('8.1.1: less than content-length says', protocol, (client) => {
    client.headers(1, [...REQUEST, ['content-length', '9']], endHeaders);
    client.data(1, Buffer.from('abc'));
  });
  resets('8.1.1: a content-length that is none', protocol, (client) => client.headers(1, [...REQUEST, ['content-length', '-1']]));
  test('8.1: an answer before the request is whole tells the client to stop', async () => {
    const client = await ready();
    client.headers(1, path('/early'), endHeaders);
    expect(await client.response(1)).toMatchObject({ ':status': '200' });
    expect(await client.resetCode(1)).toBe(ERROR.none);
  });
});

describe('8.2 and 8.3 fields', () => {
  const malformed: Record<string, readonly Header[]> = {
    'a name in upper case': [...REQUEST, ['X-Upper', 'a']],
    'an empty name': [...REQUEST, ['', 'a']],
    'a blank in a name': [...REQUEST, ['a b', 'a']],
    'a colon in a name': [...REQUEST, ['a:b', 'a']],
    'a line break in a value': [...REQUEST, ['x-a', 'a\r\nb']],
    'NUL in a value': [...REQUEST, ['x-a', 'a\0b']],
    'a blank before a value': [...REQUEST, ['x-a', ' a']],
    'a blank after a value': [...REQUEST, ['x-a', 'a ']],
    connection: [...REQUEST, ['connection', 'close']],
    'transfer-encoding': [...REQUEST, ['transfer-encoding', 'chunked']],
    'te of anything but trailers': [...REQUEST, ['te', 'gzip']],
    'an unknown pseudo-header': [...REQUEST, [':unknown', 'a']],
    'a pseudo-header of responses': [...REQUEST, [':status', '200']],
    'a pseudo-header after a field': [['x-a', 'a'], ...REQUEST],
    'a pseudo-header twice': [...REQUEST, [':path', '/']],
    'no :method': without(':method'),
    'no :scheme': without(':scheme'),
    'no :path': without(':path'),
    'an empty :path': path(''),
  };
  for (const [name, headers] of Object.entries(malformed)) resets(name, protocol, (client) => client.headers(1, headers));

  test("an :authority that is none, as etcd's client 3.5.0 sends it", async () => {
    const client = await ready();
    client.headers(1, [...without(':authority'), [':authority', '#initially=[http://127.0.0.1:2379]']]);
    expect(await client.response(1)).toMatchObject({ ':status': '200' });
  });
  test('te: trailers', async () => {
    const client = await ready();
    client.headers(1, [...REQUEST, ['te', 'trailers']]);
    expect(await client.response(1)).toMatchObject({ ':status': '200' });
  });
  resets('10.5.1: more fields than the server says it takes', enhanceYourCalm, (client) => {
    const many = Array.from({ length: 10 }, (_, n): Header => [`x-${n}`, 'y'.repeat(4000)]);
    const block = headerBlock([...REQUEST, ...many]).bytes;
    client.frame(FRAME.headers, endStream, 1, block.subarray(0, 16_000));
    client.frame(FRAME.continuation, 0, 1, block.subarray(16_000, 32_000));
    client.frame(FRAME.continuation, endHeaders, 1, block.subarray(32_000));
  });
});

describe('RFC 7541', () => {
  const send = (client: RawClient, ...bytes: number[]) =>
    client.frame(FRAME.headers, endHeaders | endStream, 1, Buffer.concat([headerBlock(REQUEST).bytes, Buffer.from(bytes)]));
  ends('2.3.3: an index beyond both tables', compression, (client) => send(client, 0xff, 0x7f));
  ends('4.2: a table size update after a field', compression, (client) => send(client, 0x20));
  ends('6.3: a table larger than allowed', compression, (client) => {
    client.frame(FRAME.headers, endHeaders | endStream, 1, Buffer.from([0x3f, 0xe2, 0x1f, 0x82]));
  });
  ends('5.1: a number that never ends', compression, (client) => send(client, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f));
  ends('5.2: a string longer than its block', compression, (client) => send(client, 0x00, 0x05, 0x61));
  ends('5.2: Huffman padding of eight bits and more', compression, (client) => send(client, 0x00, 0x01, 0x61, 0x82, 0x1f, 0xff));
  ends('5.2: Huffman padding with zeros', compression, (client) => send(client, 0x00, 0x01, 0x61, 0x81, 0x18));
  ends('5.2: the end-of-string symbol in a string', compression, (client) =>
    send(client, 0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff),
  );
});

function rawHeaders(id: number, headers: readonly Header[], flags: number): Buffer {
  const block = headerBlock(headers).bytes;
  return Buffer.concat([head(block.length, FRAME.headers, flags, id), block]);
}

function rawData(id: number, bytes: Buffer, flags: number): Buffer {
  return Buffer.concat([head(bytes.length, FRAME.data, flags, id), bytes]);
}

function head(length: number, type: number, flags: number, id: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return header;
}
