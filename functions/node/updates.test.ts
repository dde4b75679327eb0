import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Keyspace } from '../../core/keyspace/types.ts';
import type { SeenInstance } from '../../core/ports/update-instances.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { newCluster } from '../../core/resources/testing/fixtures.ts';
import { createResource, getResource, updateResource } from '../../core/resources/write.ts';
import type { UpdateCheck, UpdateCheckAnswer } from '../../core/updates/agent-protocol.ts';
import { instanceViews } from '../../core/updates/views.ts';
import { onError } from '../on-error.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { createNodeUpdates } from './updates.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const FILE = { name: 'os.raucb', size: 4, sha256: 'a'.repeat(64) };

let cluster: Keyspace;
let seen: SeenInstance[];
let uids = 0;
const newUid = () => `uid-${uids++}`;
const clock = { at: NOW };

beforeEach(async () => {
  cluster = await newCluster();
  seen = [];
  clock.at = NOW;
  await create('UpdatePackage', 'os-2', { application: 'acme-os', version: '2.0.0', url: 'https://files.test/2', files: [FILE] });
  await create('UpdateChannel', 'stable', { application: 'acme-os', packages: { amd64: 'os-2' } });
  await create('UpdateGroup', 'edge', {
    application: 'acme-os',
    channel: 'stable',
    hosts: { driver: 'rauc', matchLabels: { site: 'edge' } },
  });
  for (const name of ['left', 'right']) await create('Node', name, {}, { site: 'edge' });
  await create('Node', 'elsewhere', {}, {});
});

async function create(kind: 'UpdateGroup' | 'UpdateChannel' | 'UpdatePackage' | 'Node', name: string, spec: object, labels = {}) {
  await cluster.transact((txn) =>
    createResource(txn, kind, { metadata: { name, labels }, spec } as never, { now: clock.at, newUid }),
  );
}

function app(nodeName: string) {
  const routes = createNodeUpdates(
    {
      keyspaces: { open: async () => cluster },
      instances: {
        put: async (_tenant, _cluster, instance) =>
          void (seen = [...seen.filter((one) => one.instance !== instance.instance), instance]),
        list: async () => seen,
        delete: async () => {},
      },
      clock: { now: () => clock.at },
      clientIp: () => '192.0.2.7',
      ticketKey: new Uint8Array(32),
      newUid,
    },
    async () => ({ kind: 'host', tenant: 't', cluster: 'c', hostId: `id-${nodeName}`, nodeName }),
  );
  routes.onError(onError({ log: silentLogger }));
  return routes;
}

async function check(nodeName: string, said: Partial<UpdateCheck> = {}): Promise<UpdateCheckAnswer> {
  const body = JSON.stringify({
    group: 'edge',
    version: '1.0.0',
    arch: 'amd64',
    news: [],
    asks: true,
    ...said,
  } satisfies UpdateCheck);
  const response = await app(nodeName).request('/check', { method: 'POST', body });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as UpdateCheckAnswer;
}

async function lock(nodeName: string, action: 'acquire' | 'release', group = 'edge') {
  const response = await app(nodeName).request('/reboot-lock', { method: 'POST', body: JSON.stringify({ group, action }) });
  return (await response.json()) as { held?: boolean; message?: string };
}

const view = (name: string) => instanceViews(cluster.view(), seen).find(({ id }) => id === name);

describe('a host that its agent updates', () => {
  test('is an instance like any other: safe mode lets one go first, and its failure halts the group', async () => {
    expect(await check('left')).toEqual({
      type: 'update',
      update: { package: 'os-2', version: '2.0.0', url: 'https://files.test/2/', files: [FILE] },
    });
    expect(await check('right')).toEqual({ type: 'hold', reason: 'FirstUpdateUnderWay' });
    await check('left', {
      news: [
        { type: 'progress', progress: 'downloading' },
        { type: 'progress', progress: 'installed' },
      ],
      asks: false,
    });
    expect(view('left')).toMatchObject({
      group: 'edge',
      status: 'installed',
      updatingTo: '2.0.0',
      ip: '192.0.2.7',
      alias: 'left',
    });
    await check('left', { news: [{ type: 'error', code: 1007, message: 'app.service is failed\nthe log' }], asks: false });
    expect(view('left')).toMatchObject({ status: 'error', errorCode: 1007, message: 'app.service is failed\nthe log' });
    expect(await check('right')).toEqual({ type: 'hold', reason: 'Halted' });
  });

  test('has arrived when it runs what it was given, although its word on that was lost', async () => {
    await check('left');
    await check('left', { version: '2.0.0' });
    expect(view('left')).toMatchObject({ status: 'complete', version: '2.0.0' });
    clock.at += 3_600_000;
    expect(await check('right')).toMatchObject({ type: 'update' });
  });

  test('takes turns in rebooting, and gives back only its own slot', async () => {
    expect(await lock('left', 'acquire')).toEqual({ held: true });
    expect(await lock('left', 'acquire')).toEqual({ held: true });
    expect(await lock('right', 'acquire')).toMatchObject({ held: false, message: expect.stringContaining('left since') });
    expect(await lock('right', 'release')).toEqual({ held: false });
    expect(await lock('right', 'acquire')).toMatchObject({ held: false });
    expect(await lock('left', 'release')).toEqual({ held: false });
    expect(await lock('right', 'acquire')).toEqual({ held: true });
  });

  test('follows the groups that select its node, and reaches no other', async () => {
    await expect(check('elsewhere')).rejects.toThrow(/404.*does not follow an UpdateGroup edge/);
    await expect(check('left', { group: 'nope' })).rejects.toThrow('404');
    expect(
      (
        await app('elsewhere').request('/reboot-lock', {
          method: 'POST',
          body: JSON.stringify({ group: 'edge', action: 'acquire' }),
        })
      ).status,
    ).toBe(404);
  });

  test('with an update_engine of its own has the agent pass its questions on', async () => {
    const of = (machine: string) =>
      `<request protocol="3.0"><app appid="acme-os" version="1.0.0" track="edge" machineid="${machine}" board="amd64-usr"><updatecheck/></app></request>`;
    const machine = 'ab'.repeat(16);
    await cluster.transact((txn) => {
      const node = getResource(txn, 'Node', '', 'left')!;
      const nodeInfo = {
        machineID: machine,
        systemUUID: '',
        bootID: 'b',
        kernelVersion: '6.1',
        osImage: 'Flatcar',
        containerRuntimeVersion: '',
        kubeletVersion: '',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'amd64',
      };
      const status = { ...node.status, nodeInfo };
      updateResource(txn, { ...node, status }, { now: clock.at, newUid }, { subresource: 'status' });
    });
    const body = of(machine);
    const response = await app('left').request('/omaha', { method: 'POST', body });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining('<url codebase="https://files.test/2/"/>'),
    ]);
    expect(view(machine)).toMatchObject({ group: 'edge', status: 'granted' });
    expect((await app('left').request('/omaha', { method: 'POST', body: 'hello' })).status).toBe(400);
    // Another host's machine id, by this host's key: what it says of that one is not heard.
    const forged = await app('right').request('/omaha', { method: 'POST', body });
    expect([forged.status, await forged.text()]).toEqual([400, expect.stringContaining('is not that of the host that sends it')]);
  });

  test.each([
    ['no JSON', '{'],
    ['no group', JSON.stringify({ version: '1', arch: 'amd64', news: [], asks: true })],
    ['news that are none', JSON.stringify({ group: 'edge', version: '1', arch: 'amd64', news: [{ type: 'reset' }], asks: true })],
  ])('is told what is wrong with %s', async (_, body) => {
    const response = await app('left').request('/check', { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: TerraneError }).error.code).toMatch(/^invalid_/);
  });
});
