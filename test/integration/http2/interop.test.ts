import { execFile } from 'node:child_process';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EchoServer, startEcho } from './echo-server.ts';

/** Other people's HTTP/2 understands ours. */

let echo: EchoServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  echo = await startEcho();
  session = connect(`http://127.0.0.1:${echo.port}`);
});
afterAll(async () => {
  session.close();
  await echo.stop();
});

function request(
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Buffer; trailers: object }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/echo', ...headers });
    const chunks: Buffer[] = [];
    let status = 0;
    let trailers = {};
    stream.on('response', (response) => {
      status = response[constants.HTTP2_HEADER_STATUS] as unknown as number;
    });
    stream.on('trailers', (fields) => {
      trailers = { ...fields };
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => resolve({ status, body: Buffer.concat(chunks), trailers }));
    stream.end(body);
  });
}

test("node's client: bodies of all sizes come back as they went, many at a time", async () => {
  const sizes = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 1_000_000, 5_000_000];
  const answers = await Promise.all(sizes.map((size) => request(Buffer.alloc(size, size % 251))));
  answers.forEach(({ status, body, trailers }, n) => {
    expect(status).toBe(200);
    expect(body.equals(Buffer.alloc(sizes[n]!, sizes[n]! % 251))).toBe(true);
    expect(trailers).toMatchObject({ 'x-end': 'yes' });
  });
});

test("node's client: whatever is in a field arrives, Huffman coded or not", async () => {
  const visible = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(visible, { minLength: 1, maxLength: 5 }), async (values) => {
      const before = echo.streams.length;
      await request(Buffer.alloc(0), Object.fromEntries(values.map((value, n) => [`x-${n}`, value])));
      const stream = echo.streams[before]!;
      expect(values.map((_, n) => stream.header(`x-${n}`))).toEqual(values);
    }),
    { numRuns: 60 },
  );
});

test('curl --http2-prior-knowledge', async () => {
  const run = promisify(execFile);
  const { stdout } = await run('curl', [
    '--silent',
    '--http2-prior-knowledge',
    '--data-binary',
    'from curl',
    '--write-out',
    ' %{http_version} %{http_code}',
    `http://127.0.0.1:${echo.port}/echo`,
  ]);
  expect(stdout).toBe('from curl 2 200');
});
