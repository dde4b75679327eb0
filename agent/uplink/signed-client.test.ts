import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../core/ports/logger.ts';
import { serverTime } from '../clock-offset.ts';
import { type SignedClient, signedClient } from './signed-client.ts';

let server: Server;
let client: SignedClient;
/** Requests on the connection at hand; what to do with the next one. */
let onRequest: (count: number) => 'answer' | 'reset';
let asked = 0;
let answerWith: ((response: ServerResponse) => void) | undefined;

beforeEach(async () => {
  asked = 0;
  const counts = new WeakMap<object, number>();
  server = createServer((request, response) => {
    const count = (counts.get(request.socket) ?? 0) + 1;
    counts.set(request.socket, count);
    asked++;
    if (onRequest(count) === 'reset') request.socket.resetAndDestroy();
    else request.resume().on('end', () => (answerWith ? answerWith(response) : response.end('{}')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = signedClient({
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    ca: undefined,
    keyId: 'k',
    privateKey: generateKeyPairSync('ed25519').privateKey,
    time: serverTime({ now: () => Date.now() }),
    log: silentLogger,
  });
});
afterEach(() => {
  client.close();
  server.close();
  server.closeAllConnections();
});

const report = () => client.send({ method: 'POST', path: '/node/v1/report', body: '{}' });

test('a request that met a connection which the server was just closing goes out again on a new one', async () => {
  onRequest = (count) => (count === 1 ? 'answer' : 'reset');
  await report();
  await expect(report()).resolves.toMatchObject({ status: 200 });
  expect(asked).toBe(3);
});

test('a request whose new connection breaks fails: nobody knows whether it was carried out', async () => {
  onRequest = () => 'reset';
  await expect(report()).rejects.toThrow(/ECONNRESET|hang up/);
  expect(asked).toBe(1);
});

test('an answer that came compressed is read as what it is, and one that would fill the memory is not', async () => {
  onRequest = () => 'answer';
  const gzipped = (bytes: Buffer) => (response: ServerResponse) =>
    response.setHeader('content-encoding', 'gzip').end(gzipSync(bytes));
  answerWith = gzipped(Buffer.from('{"ä":1}'));
  expect((await client.send({ method: 'GET', path: '/' })).body).toBe('{"ä":1}');
  answerWith = gzipped(Buffer.alloc(65 * 1024 * 1024));
  await expect(client.send({ method: 'GET', path: '/' })).rejects.toThrow();
  answerWith = undefined;
});
