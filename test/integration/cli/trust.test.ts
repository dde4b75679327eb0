import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../../cli/config/config.ts';
import { serverCertificates } from '../../../store/certificates.ts';
import { PASSWORD, type TestTerrane, testTerrane } from './support.ts';

/** A control plane with an authority of its own, as the embedded server has: whom a person trusts, and when something secret is sent. */

let terrane: TestTerrane;
let directory: string;
let server: Server;
let url: string;
let caPem: string;
let fingerprint: string;

beforeEach(async () => {
  terrane = await testTerrane({ fresh: true });
  directory = await mkdtemp(join(tmpdir(), 'terrane-trust-'));
  const tls = await serverCertificates(directory, ['localhost', '127.0.0.1'], Date.now());
  caPem = tls.caPem;
  fingerprint = new X509Certificate(caPem).fingerprint256;
  terrane.info = { ...terrane.info, ca: caPem };
  server = createServer({ cert: tls.certPem, key: tls.keyPem }, (request, response) => {
    void proxy(`${terrane.url}${request.url}`, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await terrane.stop();
  await rm(directory, { recursive: true, force: true });
});

async function proxy(
  target: string,
  request: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => name === 'authorization' || name === 'content-type'),
  );
  const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
  const answer = await fetch(target, { method: request.method ?? 'GET', headers: headers as Record<string, string>, ...body });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

const login = (...args: string[]) => ['login', '--server', url, '--email', 'ann@example.com', ...args];
const passwordsSent = () => terrane.requests.filter((request) => request.includes(PASSWORD)).length;

describe('a private certificate authority', () => {
  test('is shown with its fingerprint, trusted when a person says so, and from then on', async () => {
    const { code, stderr } = await terrane.run(login(), { answers: ['y', PASSWORD] });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(fingerprint) });
    const config = JSON.parse(await readFile(terrane.config, 'utf8')) as Config;
    expect(Object.values(config.contexts)[0]?.caPem).toBe(new X509Certificate(caPem).toString());
    expect((await terrane.run(['whoami'])).code).toBe(0);
    expect((await terrane.run(login(), { answers: [PASSWORD] })).code).toBe(0);
  });

  test('that a person does not know: no password is sent', async () => {
    expect((await terrane.run(login(), { answers: ['', PASSWORD] })).code).toBe(2);
    expect(passwordsSent()).toBe(0);
  });

  test('without a terminal it is not trusted, and the message has the option to use', async () => {
    const { code, stderr } = await terrane.run(login('--password-stdin'), { stdin: PASSWORD });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(`--ca-fingerprint ${fingerprint}`) });
    expect(passwordsSent()).toBe(0);
  });

  test('--ca-fingerprint trusts the right one only', async () => {
    const wrong = fingerprint.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
    const refused = await terrane.run(login('--password-stdin', '--ca-fingerprint', wrong), { stdin: PASSWORD });
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('nothing was sent') });
    expect(passwordsSent()).toBe(0);
    expect(
      (await terrane.run(login('--password-stdin', '--ca-fingerprint', fingerprint.toLowerCase()), { stdin: PASSWORD })).code,
    ).toBe(0);
  });

  test('another authority than the one that signed the certificate is not accepted', async () => {
    const other = await mkdtemp(join(tmpdir(), 'terrane-trust-'));
    const { caPem: otherPem } = await serverCertificates(other, ['localhost'], Date.now());
    await rm(other, { recursive: true });
    terrane.info = { ...terrane.info, ca: otherPem };
    const { code, stderr } = await terrane.run(login(), { answers: ['y', PASSWORD] });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("doesn't trust") });
    expect(passwordsSent()).toBe(0);
  });

  test('--ca takes it from a file', async () => {
    const file = join(directory, 'given.pem');
    await writeFile(file, caPem);
    expect((await terrane.run(login('--password-stdin', '--ca', file), { stdin: PASSWORD })).code).toBe(0);
  });

  test('of a server that nobody has logged in to: the other commands say what to do', async () => {
    const { code, stderr } = await terrane.run(['get', 'pods', '--server', url], { env: { TERRANE_TOKEN: 'x' } });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('--ca FILE') });
  });
});
