import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EtcdListenError } from '../../../agent/etcd/start-etcd-server.ts';
import { startOurs } from './our-etcd.ts';

/** Where the endpoint listens, and what happens when it can't. */

const run = promisify(execFile);
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'endpoint-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const etcdctl = (...args: string[]) => run('etcdctl', args, { env: { ...process.env, ETCDCTL_API: '3' } });

test('a port that is taken is named, with what to do', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const error = await startOurs({ listen: [{ host: '127.0.0.1', port }] }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EtcdListenError);
  expect((error as Error).message).toBe(
    `127.0.0.1:${port} is in use, perhaps by an etcd of its own: stop that, or give the agent another address`,
  );
  await new Promise((resolve) => other.close(resolve));
});

test('an address of another host is refused, and none of the others is listened on', async () => {
  const free = join(directory, 'never.sock');
  const listen = [{ path: free }, { host: '192.0.2.1', port: 2379 }];
  await expect(startOurs({ listen })).rejects.toThrow('192.0.2.1:2379 is no address of this host');
  expect(existsSync(free)).toBe(false);
});

test('a socket file, and again after a crash that left it behind', async () => {
  const path = join(directory, 'etcd.sock');
  const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await run(process.execPath, ['-e', leave]).catch(() => undefined);
  expect(existsSync(path)).toBe(true);
  const ours = await startOurs({ listen: [{ path }] });
  expect((await etcdctl('--endpoints', `unix://${path}`, 'put', 'a', 'b')).stdout).toBe('OK\n');
  await expect(startOurs({ listen: [{ path }] })).rejects.toThrow('is in use');
  await ours.stop();
});

test('a web page that is open on this host can not write', async () => {
  const ours = await startOurs();
  const put = (...headers: string[]) =>
    run('curl', ['--silent', '--write-out', ' %{http_code}', '--data', '{"key":"YQ=="}', ...headers, `${ours.url}/v3/kv/put`]);
  expect((await put('--header', 'Origin: https://evil.example')).stdout).toMatch(/ 403$/);
  expect((await put()).stdout).toMatch(/ 200$/);
  await ours.stop();
});

test('a request of HTTP/1 that is begun and not completed is cut off', async () => {
  const ours = await startOurs({ limits: { frameTimeout: 50 } });
  const socket = connect(ours.port, ours.host);
  socket.write('POST /v3/kv/put HTTP/1.1\r\nHost: x\r\n');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 408 /);
  await ours.stop();
});

test("TLS: etcdctl, curl and the JSON gateway, by the certificate of an authority of one's own", async () => {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const options = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost';
  const subject = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
  await run('openssl', options.split(' ').concat(subject));
  const ours = await startOurs({ tls: { key: await readFile(key), cert: await readFile(cert) } });
  const url = `https://${ours.host}:${ours.port}`;
  expect((await etcdctl('--endpoints', url, '--cacert', cert, 'put', 'a', 'b')).stdout).toBe('OK\n');
  const { stdout } = await run('curl', ['--silent', '--http1.1', '--cacert', cert, `${url}/version`]);
  expect(JSON.parse(stdout)).toMatchObject({ etcdcluster: '3.4.0' });
  await ours.stop();
  expect(ours.errors).toEqual([]);
});
