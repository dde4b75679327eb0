import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import { fcosDriver } from '../../../agent/updates/fcos/fcos-driver.ts';
import { type CommandOptions, runCommand } from '../../../agent/updates/run-command.ts';

/**
 * Fedora CoreOS can't be had here: for rpm-ostree stands a script that keeps deployments as `rpm-ostree status --json` tells of them, and
 * notes what it was asked. The release.json is of the form that Fedora publishes.
 */

const OLD = { checksum: 'a'.repeat(64), version: '43.20261001.3.0', booted: true };
const NEW = { checksum: 'b'.repeat(64), version: '43.20261101.3.0' };
const RELEASE = JSON.stringify({
  release: NEW.version,
  stream: 'stable',
  architectures: { x86_64: { commit: NEW.checksum }, aarch64: { commit: 'c'.repeat(64) } },
});

let directory: string;
let server: Server;
let body: string;
const path = (...names: string[]) => join(directory, ...names);
const signal = new AbortController().signal;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trn-fcos-'));
  for (const name of ['bin', 'root/etc']) mkdirSync(path(name), { recursive: true });
  deployed([OLD]);
  writeFileSync(path('after-deploy'), JSON.stringify({ deployments: [{ ...NEW, booted: false, staged: true }, OLD] }));
  writeFileSync(path('calls'), '');
  script(
    'rpm-ostree',
    `W=${directory}
case $1 in
  status) cat $W/deployments; exit ;;
  deploy) [ ! -e $W/refuses ] || { echo "error: Commit not found" >&2; exit 1; }; cp $W/after-deploy $W/deployments ;;
esac
echo "rpm-ostree $*" >>$W/calls
`,
  );
  script('systemctl', `echo "systemctl $*" >>${path('calls')}\n`);
  body = RELEASE;
  server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

function deployed(deployments: readonly object[]): void {
  writeFileSync(path('deployments'), JSON.stringify({ deployments }));
}
function script(name: string, text: string): void {
  writeFileSync(path('bin', name), `#!/bin/sh\n${text}`);
  chmodSync(path('bin', name), 0o755);
}
const calls = () => readFileSync(path('calls'), 'utf8').trim().split('\n').filter(Boolean);
const driver = (architecture = 'x64') =>
  fcosDriver({
    run: (command, args, options: CommandOptions = {}) =>
      runCommand(command, args, { ...options, env: { PATH: `${path('bin')}:${process.env.PATH}` } }),
    folder: path('folder'),
    ca: undefined,
    architecture,
    root: path('root'),
  });
const update = (): OfferedUpdate => ({
  package: 'fcos',
  version: NEW.version,
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  files: [{ name: 'release.json', size: body.length, sha256: createHash('sha256').update(body).digest('hex') }],
});

describe('a Fedora CoreOS host', () => {
  test('has zincati stand back, once', async () => {
    expect(await driver().problem()).toBeUndefined();
    expect(readFileSync(path('root/etc/zincati/config.d/90-terrane.toml'), 'utf8')).toContain('[updates]\nenabled = false\n');
    expect(await driver().problem()).toBeUndefined();
    expect(calls()).toEqual(['systemctl try-restart zincati.service']);
  });

  test("deploys the release's commit, locked until its turn, and boots it then", async () => {
    const one = driver();
    expect(await one.status()).toBe(OLD.version);
    await one.check(update());
    await one.download(update(), signal);
    await one.stage(update(), signal);
    // Again, as after a crash: what is staged already isn't deployed twice.
    await one.stage(update(), signal);
    expect(await one.activate(update(), signal)).toBe('reboot');
    expect(calls()).toEqual([
      `rpm-ostree deploy --lock-finalization --skip-branch-check --bypass-driver revision=${NEW.checksum}`,
      `rpm-ostree finalize-deployment ${NEW.checksum}`,
    ]);
    deployed([
      { ...NEW, booted: true },
      { ...OLD, booted: false },
    ]);
    expect(await one.status()).toBe(NEW.version);
  });

  test('goes back to the deployment before; one that was never left drops what is staged', async () => {
    deployed([
      { ...NEW, booted: true },
      { ...OLD, booted: false },
    ]);
    expect(await driver().rollback(update())).toBe('reboot');
    deployed([{ ...NEW, booted: false }, OLD]);
    expect(await driver().rollback(update())).toBe('running');
    deployed([{ ...NEW, booted: true }]);
    expect(await driver().rollback(update())).toBe('impossible');
    expect(calls()).toEqual(['rpm-ostree rollback', 'rpm-ostree cleanup --pending']);
  });

  test.each([
    ['is of another release', JSON.stringify({ release: '1', architectures: {} }), 'of release 1'],
    ['has no commit for this machine', JSON.stringify({ release: NEW.version, architectures: {} }), 'no commit for x86_64'],
    ['is none', 'hello', 'is no release.json'],
  ])('refuses a release.json that %s', async (_, text, says) => {
    body = text;
    const one = driver();
    await one.download(update(), signal);
    await expect(one.stage(update(), signal)).rejects.toThrow(says);
    expect(calls()).toEqual([]);
  });

  test('says what rpm-ostree says', async () => {
    writeFileSync(path('refuses'), '');
    const one = driver();
    await one.download(update(), signal);
    await expect(one.stage(update(), signal)).rejects.toThrow(/rpm-ostree deploy ended with code 1\nerror: Commit not found/);
    script('rpm-ostree', 'echo no such bus >&2; exit 1\n');
    expect(await one.problem()).toBe("rpm-ostree can't be used: no such bus");
  });
});
