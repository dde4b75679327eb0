import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { GroupView, InstanceView } from '../../core/updates/api.ts';
import { type Installation, startInstallation } from './support/installation.ts';

/** A cluster's updates as a user and his hosts see them: commands on one side, the bytes that update_engine sends on the other. */

let installation: Installation;
let serverUrl: URL;

beforeAll(async () => {
  installation = await startInstallation();
  const { url } = await installation.terraneJson<{ url: string }>(['token', 'create', '--kind', 'update']);
  // The same server by its plain port: Node's fetch can't be given its authority.
  serverUrl = new URL(new URL(url).pathname, installation.http);
  serverUrl.username = 'update';
  serverUrl.password = new URL(url).password;
}, 120_000);
afterAll(() => installation.stop());

const terrane = async (...args: string[]) => {
  const result = await installation.terrane(args);
  if (result.code !== 0) throw new Error(`terrane ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

async function omaha(machine: string, version: string, content: string, track = 'prod'): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${serverUrl.username}:${serverUrl.password}`).toString('base64')}`;
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">
 <os version="Chateau" platform="CoreOS" sp="${version}_x86_64"/>
 <app appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}" version="${version}" track="${track}" bootid="{b}" oem="" oemversion="" alephversion="1.0.0"
  machineid="${machine}" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false">${content}</app></request>`;
  const response = await fetch(new URL(serverUrl.pathname, serverUrl.origin), {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/xml' },
    body,
  });
  expect(response.status).toBe(200);
  return response.text();
}

const ASK = '<ping active="1"/><updatecheck/>';
const instances = async () =>
  (await installation.terraneJson<{ instances: InstanceView[] }>(['update', 'instance', 'list'])).instances;

test('two hosts are updated one after the other, are seen at it, and a failure halts the group until it is resumed', async () => {
  const file = join(installation.dir, 'update.gz');
  writeFileSync(file, 'a payload');
  await terrane('update', 'package', 'create', 'os-2', file, '--release', '2.0.0', '--url', 'https://files.example/2/');
  await terrane('update', 'channel', 'create', 'stable');
  await terrane('update', 'group', 'create', 'prod', '--channel', 'stable', '--max', '5');
  expect(await omaha('aaaa', '1.0.0', ASK)).toContain('noupdate');
  expect(await terrane('update', 'channel', 'promote', 'stable', 'os-2')).toContain('channel stable names os-2');

  expect(await omaha('aaaa', '1.0.0', ASK)).toContain('<url codebase="https://files.example/2/"/>');
  expect(await omaha('bbbb', '1.0.0', ASK)).toContain('noupdate');
  await omaha('aaaa', '1.0.0', '<event eventtype="13" eventresult="1"/><event eventtype="14" eventresult="1"/>');
  await omaha('aaaa', '1.0.0', '<event eventtype="3" eventresult="1"/>');
  expect(await terrane('update', 'instance', 'list')).toMatch(/aaaa.*1\.0\.0.*reboot pending \(2\.0\.0\)/);
  await omaha('aaaa', '2.0.0', `${ASK}<event eventtype="3" eventresult="2" previousversion="1.0.0"/>`);
  expect(await terrane('update', 'rollout', 'status', 'prod')).toMatch(/prod: 2\.0\.0; 1 completed, 0 failed, 0 under way/);
  expect(await omaha('bbbb', '1.0.0', ASK)).toContain('2.0.0');
  expect((await instances()).map(({ id, status, version }) => [id, status, version])).toEqual([
    ['aaaa', 'complete', '2.0.0'],
    ['bbbb', 'granted', '1.0.0'],
  ]);

  await terrane('update', 'package', 'create', 'os-3', file, '--release', '3.0.0', '--url', 'https://files.example/3/');
  await terrane('update', 'channel', 'promote', 'stable', 'os-3');
  await terrane('update', 'instance', 'forget', 'bbbb');
  expect(await omaha('aaaa', '2.0.0', ASK)).toContain('3.0.0');
  await omaha('aaaa', '2.0.0', '<event eventtype="3" eventresult="0" errorcode="268435465"/>');
  const watched = await installation.terrane(['update', 'rollout', 'watch', 'prod']);
  expect(watched).toMatchObject({ code: 1, stderr: expect.stringContaining('FirstUpdateFailed') });
  expect(watched.stderr).toContain('terrane update group resume prod');
  expect(await terrane('update', 'instance', 'history', 'aaaa')).toMatch(/error +3\.0\.0 +9/);
  expect(await omaha('cccc', '1.0.0', ASK)).toContain('noupdate');
  await terrane('update', 'group', 'resume', 'prod');
  await terrane('update', 'group', 'halt', 'prod', '--reason', 'disks fill up');
  expect(await omaha('cccc', '1.0.0', ASK)).toContain('noupdate');
  expect(await terrane('get', 'events')).toContain('HaltedByHand: disks fill up');
  await terrane('update', 'group', 'resume', 'prod');
  expect(await omaha('cccc', '1.0.0', ASK)).toContain('3.0.0');
  expect(await terrane('update', 'group', 'list')).toMatch(/prod +stable +Active +3\.0\.0 +1 +0 +0/);
}, 120_000);

test('a package whose files lie here is uploaded by a command, once, and fetched by the URL of an answer, in parts too', async () => {
  const file = join(installation.dir, 'hosted.gz');
  const bytes = randomBytes(3_000_000);
  writeFileSync(file, bytes);
  const upload = () => installation.terrane(['update', 'package', 'upload', 'os-9', file, '--release', '9.0.0']);
  expect(await upload()).toMatchObject({ code: 0, stderr: expect.stringContaining('uploading hosted.gz') });
  expect(await upload()).toMatchObject({ code: 0, stderr: '' });
  await terrane('update', 'channel', 'create', 'own');
  await terrane('update', 'channel', 'promote', 'own', 'os-9');
  await terrane('update', 'group', 'create', 'own', '--channel', 'own', '--track', 'own-track');
  const answer = await omaha('dddd', '1.0.0', ASK, 'own-track');
  const [, codebase = ''] = /codebase="([^"]+)"/.exec(answer) ?? [];
  expect(codebase).toMatch(/\/updates\/payloads\/[\w-]+\.[\w-]+\/$/);
  const whole = await fetch(`${codebase}hosted.gz`);
  expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
  const rest = await fetch(`${codebase}hosted.gz`, { headers: { range: 'bytes=2999990-' } });
  expect([rest.status, rest.headers.get('content-range')]).toEqual([206, 'bytes 2999990-2999999/3000000']);
  expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(2_999_990))).toBe(true);

  writeFileSync(file, 'other bytes');
  expect(await upload()).toMatchObject({ code: 1, stderr: expect.stringContaining('there is a package os-9, of other files') });
  await terrane('update', 'package', 'delete', 'os-9', '--yes');
  expect((await fetch(`${codebase}hosted.gz`)).status).toBe(404);
}, 60_000);

test('a reboot slot is taken by FleetLock, shown, and given back by a person', async () => {
  await terrane('update', 'group', 'create', 'edge', '--channel', 'stable');
  const ask = (id: string) =>
    fetch(new URL(`/updates/${serverUrl.password}/v1/pre-reboot`, serverUrl.origin), {
      method: 'POST',
      headers: { 'fleet-lock-protocol': 'true' },
      body: JSON.stringify({ client_params: { id, group: 'edge' } }),
    });
  expect((await ask('h1')).status).toBe(200);
  expect((await ask('h2')).status).toBe(409);
  const { reboots } = await installation.terraneJson<GroupView>(['update', 'rollout', 'status', 'edge']);
  expect(reboots).toMatchObject({ max: 1, holders: [{ id: 'h1' }] });
  await terrane('update', 'rollout', 'release', 'edge', 'h1');
  expect((await ask('h2')).status).toBe(200);
  const { records } = await installation.terraneJson<{ records: { action: string; target: string }[] }>([
    'org',
    'audit',
    '--limit',
    '5',
  ]);
  expect(records).toContainEqual(expect.objectContaining({ action: 'updategroup/reboots.delete', target: 'prod/edge' }));
}, 60_000);

test('what is wrong is said with what to do', async () => {
  const run = async (...args: string[]) => installation.terrane(['update', ...args]);
  expect((await run('channel', 'promote', 'stable', 'nothing')).stderr).toContain('there is no package or channel nothing');
  await terrane('update', 'channel', 'create', 'other', '--application', 'acme-os');
  for (const [into, from] of [
    ['other', 'os-2'],
    ['stable', 'other'],
  ] as const)
    expect(await run('channel', 'promote', into, from)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no host would get it'),
    });
  expect((await run('rollout', 'status', 'nothing')).stderr).toContain('There is no UpdateGroup nothing');
  expect((await run('rollout', 'set', 'edge')).stderr).toContain('exactly one of --percent, --linear and --all');
  expect((await run('group', 'create', 'bad', '--channel', 'other')).stderr).toContain('Add --application acme-os');
  expect((await run('group', 'create', 'bad', '--channel', 'stable', '--period', 'soon')).stderr).toContain(
    'must be a duration such as',
  );
  expect((await run('package', 'create', 'bad', '/nowhere', '--release', '1', '--url', 'https://x.example/')).stderr).toContain(
    '/nowhere',
  );
}, 60_000);
