import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Message, sessionBus } from '@jellybrick/dbus-next';
import { flatcarDriver } from '../../../agent/updates/flatcar/flatcar-driver.ts';
import { startOmahaRelay } from '../../../agent/updates/flatcar/omaha-relay.ts';
import { type CommandOptions, runCommand } from '../../../agent/updates/run-command.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { eventually } from '../../support/eventually.ts';

/**
 * Flatcar can't be had here: on a bus of its own stands an update_engine that has the interface as it was measured on a Flatcar host (its name,
 * its path, GetStatus -> xdssx), and for cgpt and rootdev stand scripts. busctl is systemd's own.
 */

let directory: string;
let daemon: ChildProcess;
let bus: ReturnType<typeof sessionBus>;
/** What GetStatus answers: last check, progress, operation, version, size. */
let status: [bigint, number, string, string, bigint];
const path = (...names: string[]) => join(directory, ...names);

beforeEach(async () => {
  directory = mkdtempSync('/tmp/trn-flatcar-');
  for (const name of ['bin', 'root/usr/lib', 'root/etc/flatcar']) mkdirSync(path(name), { recursive: true });
  const address = `unix:path=${path('bus')}`;
  daemon = spawn('dbus-daemon', ['--session', '--nofork', `--address=${address}`], { stdio: 'ignore' });
  await eventually('there is a bus', () => {
    if (!existsSync(path('bus'))) throw new Error('none yet');
  });
  bus = sessionBus({ busAddress: address });
  status = [0n, 0, 'UPDATE_STATUS_IDLE', '0.0.0.0', 0n];
  bus.addMethodHandler((message) => {
    const { path: at, interface: of, member } = message;
    if (`${at} ${of}.${member}` !== '/com/coreos/update1 com.coreos.update1.Manager.GetStatus') return false;
    bus.send(Message.newMethodReturn(message, 'xdssx', status));
    return true;
  });
  await bus.requestName('com.coreos.update1', 0);
  runs('4500.0.0');
});
afterEach(async () => {
  bus.disconnect();
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill();
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

const runs = (version: string) => writeFileSync(path('root/usr/lib/os-release'), `ID=flatcar\nVERSION_ID=${version}\n`);
const script = (name: string, text: string) => {
  writeFileSync(path('bin', name), `#!/bin/sh\n${text}`);
  chmodSync(path('bin', name), 0o755);
};
const driver = () =>
  flatcarDriver({
    run: (command, args, options: CommandOptions = {}) =>
      runCommand(command, args, {
        ...options,
        env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path('bus')}`, PATH: `${path('bin')}:${process.env.PATH}` },
      }),
    group: 'edge',
    omahaUrl: () => 'http://127.0.0.1:7484/v1/update/',
    root: path('root'),
  });

describe('a Flatcar host', () => {
  test('is pointed at its group, and keeps whatever else its update.conf says', async () => {
    writeFileSync(path('root/etc/flatcar/update.conf'), '# mine\nGROUP=stable\nMACHINE_ALIAS=lab\nSERVER=a\nSERVER=b\n');
    expect(await driver().problem()).toBeUndefined();
    const conf = '# mine\nGROUP=edge\nMACHINE_ALIAS=lab\nSERVER=http://127.0.0.1:7484/v1/update/\nREBOOT_STRATEGY=off\n';
    expect(readFileSync(path('root/etc/flatcar/update.conf'), 'utf8')).toBe(conf);
    await driver().problem();
    expect(readFileSync(path('root/etc/flatcar/update.conf'), 'utf8')).toBe(conf);
  });

  test('has an update when update_engine waits for a reboot into it, and not before', async () => {
    expect(await driver().status()).toBe('4500.0.0');
    for (const operation of ['IDLE', 'DOWNLOADING', 'FINALIZING']) {
      status = [0n, 0.5, `UPDATE_STATUS_${operation}`, '4593.1.0', 9n];
      expect(await driver().staged()).toBeUndefined();
    }
    status = [0n, 1, 'UPDATE_STATUS_UPDATED_NEED_REBOOT', '4593.1.0', 9n];
    expect(await driver().staged()).toMatchObject({ version: '4593.1.0' });
    expect(await driver().activate({ package: '', version: '4593.1.0', url: '', files: [] }, AbortSignal.timeout(1000))).toBe(
      'reboot',
    );
  });

  test('goes back by the other partition, as its makers say, and only from the version that is to be left', async () => {
    const update = { package: 'flatcar-2', version: '4593.1.0', url: '', files: [] };
    script('rootdev', 'echo /dev/sda4\n');
    script(
      'cgpt',
      `case $1 in find) printf '/dev/sda3\\n/dev/sda4\\n' ;; prioritize) echo "$2" >${path('prioritized')} ;; esac\n`,
    );
    expect(await driver().rollback(update)).toBe('running');
    expect(existsSync(path('prioritized'))).toBe(false);
    runs('4593.1.0');
    expect(await driver().rollback(update)).toBe('reboot');
    expect(readFileSync(path('prioritized'), 'utf8')).toBe('/dev/sda3\n');
    // A disk that isn't as Flatcar lays it out is left alone.
    script('rootdev', 'echo /dev/vdb1\n');
    expect(await driver().rollback(update)).toBe('impossible');
  });

  test('without update_engine says so', async () => {
    await bus.releaseName('com.coreos.update1');
    expect(await driver().problem()).toMatch(/update_engine does not answer on D-Bus: .+/);
  });
});

describe('the relay for update_engine', () => {
  test("passes its questions on with the host's signature, and nobody else's", async () => {
    const sent: string[] = [];
    let away = false;
    const relay = startOmahaRelay(
      {
        async sendBytes({ path: to, body }) {
          if (away) throw new Error('connect ECONNREFUSED');
          sent.push(`${to} ${Buffer.from(body as Uint8Array).toString()}`);
          return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from('<response/>') };
        },
      },
      silentLogger,
      0,
    );
    const url = await eventually('it listens', () => relay.url());
    const ask = (init: RequestInit = {}) => fetch(url, { method: 'POST', body: '<request/>', ...init });
    const answer = await ask();
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'text/xml', '<response/>']);
    expect(sent).toEqual(['/node/v1/updates/omaha <request/>']);
    expect((await ask({ headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await ask({ body: 'x'.repeat(70_000) })).status).toBe(413);
    expect((await fetch(url)).status).toBe(404);
    away = true;
    expect((await ask()).status).toBe(503);
    relay.close();
  });
});
