import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type AgentBundle, bundleAgent } from '../agent/agent-process.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { type AptHost, aptHost } from './apt-host.ts';
import { type DebianRepositories, debianRepositories } from './debian-repository.ts';
import { type UpdatePlane, updatePlane } from './update-plane.ts';

/** Upgrades of Debian packages by the agent as it is, with the machine's apt and dpkg on a host below a folder, from signed repositories. */

let engine: Dockerd;
let bundle: AgentBundle;
let repositories: DebianRepositories;
const debs: Record<string, string> = {};
const possible = canRunDockerd();

beforeAll(async () => {
  if (!possible) return;
  [engine, bundle] = await Promise.all([startDockerd(), bundleAgent()]);
  repositories = debianRepositories();
  for (const name of ['app', 'held'])
    for (const version of ['1', '2']) debs[`${name} ${version}`] = repositories.deb(name, version);
  debs['new-library 1'] = repositories.deb('new-library', '1');
  debs['app 3'] = repositories.deb('app', '3', 'Depends: new-library\n');
}, 120_000);

afterAll(async () => {
  if (!possible) return;
  repositories.remove();
  await bundle.remove();
  await engine.stop();
});

let snapshots = 0;
interface Scene {
  readonly plane: UpdatePlane;
  readonly host: AptHost;
}

const scenes: Scene[] = [];

async function scene(healthTimeout = '5s'): Promise<Scene> {
  const plane = await updatePlane({
    driver: 'apt',
    matchLabels: { site: 'edge' },
    checkEvery: '10s',
    health: { timeout: healthTimeout },
  });
  const host = aptHost({ bundle, server: plane.url, docker: engine.socket });
  await plane.editGroup((spec) => {
    spec.hosts!.health!.command = [host.healthCommand];
  });
  scenes.push({ plane, host });
  host.dpkg('-i', debs['app 1']!, debs['held 1']!);
  return { plane, host };
}

/** A dated snapshot with these packages, on the channel. */
async function publish(
  plane: UpdatePlane,
  version: string,
  names: readonly string[],
  spoil = (_files: Map<string, Uint8Array>) => {},
) {
  const { files, sources } = repositories.publish(
    `snapshot-${++snapshots}`,
    names.map((name) => debs[name]!),
    `${plane.url}/files`,
  );
  spoil(files);
  for (const [name, bytes] of files) plane.files.set(name, bytes);
  await plane.publish(version, { name: 'snapshot.sources', bytes: sources });
}

const untilOver = ({ plane, host }: Scene, what: string) =>
  eventually(
    what,
    () => {
      if (host.isCut) host.start();
      const { status } = plane.instance() ?? {};
      const { phase = 'none' } = host.journal() ?? {};
      if (!['complete', 'error'].includes(status ?? '') || phase !== 'idle' || plane.group().reboots.holders.length > 0)
        throw new Error(`instance ${status}, host ${phase}\n${host.log().slice(-3000)}`);
    },
    { timeoutMs: 60_000, everyMs: 50 },
  );

afterEach(async () => {
  for (const { plane, host } of scenes.splice(0)) {
    await host.remove();
    await plane.stop();
  }
});

(possible ? describe : describe.skip)('a host with apt', () => {
  test('is upgraded to a snapshot, with what that needs and without what is on hold; its own sources stay as they are', async () => {
    const one = await scene();
    const { plane, host } = one;
    host.aptMark('hold', 'held');
    await publish(plane, '20261125T000000Z', ['app 3', 'new-library 1', 'held 2']);
    host.start();
    await untilOver(one, 'it is upgraded');
    expect(host.installed()).toEqual({ app: '3', held: '1', 'new-library': '1' });
    expect(plane.instance()).toMatchObject({ status: 'complete', version: '20261125T000000Z' });
    expect(plane.instance()!.history.map(({ status }) => status)).toEqual(['granted', 'downloading', 'downloaded', 'complete']);
    await eventually('it tells what stays on hold', () =>
      expect(plane.events().join('\n')).toContain('on hold, and not upgraded: held'),
    );
    expect(readFileSync(join(host.directory, 'root/etc/apt/sources.list'), 'utf8')).toContain('its-own');
    expect(readdirSync(join(host.directory, 'root/var/lib/apt/lists')).filter((name) => name.includes('Packages'))).toEqual([]);
    expect(existsSync(join(host.directory, 'data/updates/apt/archives'))).toBe(false);
  }, 120_000);

  test('that is not well afterwards says that there is no way back, and keeps its slot until it is well', async () => {
    const one = await scene('1s');
    const { plane, host } = one;
    host.setHealthy(false);
    await publish(plane, '20261125T000000Z', ['app 2']);
    host.start();
    await eventually('it fails', () => expect(plane.instance()?.status).toBe('error'), { timeoutMs: 60_000 });
    const { errorCode, message } = plane.instance()!;
    expect({ errorCode, message }).toEqual({
      errorCode: 1007,
      message: expect.stringMatching(/can not be taken back[^]*the app does not answer/),
    });
    expect(host.installed().app).toBe('2');
    expect(plane.group()).toMatchObject({ halted: { reason: 'FirstUpdateFailed' }, reboots: { holders: [{ id: 'edge-1' }] } });
    host.setHealthy(true);
    await untilOver(one, 'it has given its slot back');
  }, 120_000);

  test('installs nothing from a repository that was changed', async () => {
    const one = await scene();
    await publish(one.plane, '20261125T000000Z', ['app 2'], (files) => {
      files.set('app_2_all.deb', readFileSync(debs['held 2']!));
    });
    one.host.start();
    await untilOver(one, 'it is refused');
    expect(one.plane.instance()).toMatchObject({
      status: 'error',
      errorCode: 1004,
      message: expect.stringMatching(/Hash Sum mismatch|unexpected size/i),
    });
    expect(one.host.installed()).toEqual({ app: '1', held: '1' });
  }, 120_000);

  test('that is cut off between unpacking and configuring is brought to the end', async () => {
    const one = await scene();
    const { plane, host } = one;
    await publish(plane, '20261125T000000Z', ['app 2', 'held 2']);
    host.cutAfterUnpack();
    host.start();
    await eventually('it is cut off', () => expect(host.isCut).toBe(true), { timeoutMs: 60_000 });
    expect(host.installed()).toEqual({});
    await untilOver(one, 'it is upgraded');
    expect(host.installed()).toEqual({ app: '2', held: '2' });
    expect(plane.instance()?.status).toBe('complete');
  }, 120_000);
});
