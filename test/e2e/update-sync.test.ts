import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../cli/kube/client.ts';
import { type ServedUpdates, serveUpdates } from '../support/updates/served-updates.ts';
import { type Installation, startInstallation } from './support/installation.ts';

/** A mirror: one installation copies what another one gives to its hosts, as an upstream server of an operating system's maker does. */

let upstream: ServedUpdates;
let installation: Installation;
let files: Server;
let base: string;
/** What the file server has, by name. */
const served = new Map<string, Buffer>();

beforeAll(async () => {
  files = createServer((request, response) => {
    const bytes = served.get(request.url!.slice(1));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(files.address() as AddressInfo).port}/`;
  [upstream, installation] = await Promise.all([serveUpdates(), startInstallation()]);
  await upstream.create('UpdateChannel', 'stable', {});
  await upstream.create('UpdateGroup', 'mirrors', { channel: 'stable', policy: { maxUpdatesPerPeriod: 100 } });
}, 120_000);
afterAll(async () => {
  files.close();
  await Promise.all([upstream.stop(), installation.stop()]);
});

/** A package of the upstream server's, offered from now on. What is served may be something else. */
async function offer(version: string, bytes: Buffer, more: object = {}): Promise<void> {
  const name = `${version}.gz`;
  served.set(name, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const spec = { version, url: base, files: [{ name, size: bytes.length, sha256, ...more }] };
  await upstream.create('UpdatePackage', `os-${version}`, spec);
  const path = '/apis/terrane.dev/v1/updatechannels/stable';
  const { json } = await upstream.kube('GET', path);
  json.spec.packages = { amd64: `os-${version}` };
  expect((await upstream.kube('PUT', path, json)).status).toBe(200);
}

const sync = (...more: string[]) => {
  const { host } = new URL(upstream.url);
  const url = `http://update:${upstream.updateToken}@${host}/v1/update/`;
  return installation.terrane(['update', 'sync', url, '--track', 'mirrors', ...more]);
};
const packages = async () =>
  (await installation.terraneJson<{ updatepackages: KubeObject[] }>(['update', 'package', 'list'])).updatepackages.map(
    ({ metadata }) => metadata.name,
  );
const channel = async () =>
  (await installation.terraneJson<{ updatechannels: (KubeObject & { spec: object })[] }>(['update', 'channel', 'list']))
    .updatechannels[0]!.spec;

test('what an upstream server gives is copied once, and a channel changes only when that is asked for', async () => {
  await installation.terrane(['update', 'channel', 'create', 'stable']);
  expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringContaining('gives nothing on mirrors now') });
  await offer('4593.1.0', randomBytes(200_000));
  expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringContaining('package flatcar-4593.1.0 copied') });
  expect(await packages()).toEqual(['flatcar-4593.1.0']);
  expect(await channel()).not.toHaveProperty('packages');

  served.clear();
  expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringContaining('is there already') });
  const promoted = await sync('--promote', 'stable');
  expect(promoted.stdout).toContain('channel stable names it');
  expect(await channel()).toMatchObject({ packages: { amd64: 'flatcar-4593.1.0' } });
  // The upstream server's rules saw hosts that were updated one after the other, all well.
  const { json } = await upstream.kube('GET', '/updates/groups/mirrors');
  expect(json).toMatchObject({ completed: 3, failed: 0, underWay: [] });
}, 60_000);

test('a copy that was cut short is not promoted as it is, and is finished by the next look', async () => {
  const bytes = randomBytes(50_000);
  await offer('4594.0.0', bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const name = 'flatcar-4594.0.0';
  const spec = { application: 'flatcar', version: '4594.0.0', files: [{ name: '4594.0.0.gz', size: bytes.length, sha256 }] };
  const file = join(installation.dir, 'package.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'terrane.dev/v1', kind: 'UpdatePackage', metadata: { name }, spec }));
  expect(await installation.terrane(['apply', '-f', file])).toMatchObject({ code: 0 });
  const early = await installation.terrane(['update', 'channel', 'promote', 'stable', name]);
  expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('hosts would find nothing to download') });
  expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringContaining(`package ${name} copied`) });
  expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringContaining('is there already') });
  expect(await installation.terrane(['update', 'channel', 'promote', 'stable', name])).toMatchObject({ code: 0 });
  await installation.terrane(['update', 'channel', 'promote', 'stable', 'flatcar-4593.1.0']);
}, 60_000);

test.each([
  ['other bytes', (bytes: Buffer) => Buffer.alloc(bytes.length), 'its SHA-256 is not the one'],
  ['fewer bytes', (bytes: Buffer) => bytes.subarray(1), 'were offered'],
  ['more bytes', (bytes: Buffer) => Buffer.concat([bytes, bytes]), 'has more than the'],
])(
  'a file with %s than was offered is refused, and nothing of it is kept',
  async (what, tamper, words) => {
    const version = `4600.${what.length}.${what.charCodeAt(0)}`;
    const bytes = randomBytes(50_000);
    await offer(version, bytes);
    served.set(`${version}.gz`, tamper(bytes));
    const before = await packages();
    expect(await sync('--promote', 'stable')).toMatchObject({ code: 1, stderr: expect.stringContaining(words) });
    expect(await packages()).toEqual(before);
    expect(await channel()).toMatchObject({ packages: { amd64: 'flatcar-4593.1.0' } });
    await upstream.kube('POST', '/updates/groups/mirrors/resume');
  },
  60_000,
);

test('what is wrong is said with what to do', async () => {
  const run = (...args: string[]) => installation.terrane(['update', 'sync', ...args]);
  expect((await run('http://updates.example/v1/update/', '--track', 'x')).stderr).toContain('is not the https URL');
  expect((await run(`${base}v1/update/`, '--track', 'x')).stderr).toContain('does not answer as an Omaha server does');
  expect((await run('https://u.example/', '--track', 'x', '--every', '5s')).stderr).toContain('at least 1m');
  await installation.terrane(['update', 'channel', 'create', 'other', '--application', 'acme-os']);
  expect((await run(base, '--track', 'x', '--promote', 'other')).stderr).toContain('and channel other of acme-os');
  expect((await run(base, '--track', 'x', '--promote', 'nowhere')).stderr).toContain('"nowhere" not found');
  const { host } = new URL(upstream.url);
  const unknown = await run(`http://update:${upstream.updateToken}@${host}/v1/update/`, '--track', 'nowhere');
  expect(unknown.stderr).toContain('Does it have flatcar with the track nowhere?');
}, 60_000);
