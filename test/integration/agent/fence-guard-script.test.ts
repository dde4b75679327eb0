import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { guardText } from '../../../agent/fencing/guard-file.ts';
import { guardScript } from '../../../agent/fencing/guard-process.ts';
import { eventually } from '../../support/eventually.ts';

/** The script as a process, with a systemctl that waits until it is let. */

const UNIT = 'terrane-test-nobody-has-it.service';
const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

let base: string;
let file: string;
let said = '';
let end: () => Promise<void>;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'terrane-guard-script-'));
  mkdirSync(join(base, 'run'));
  mkdirSync(join(base, 'bin'));
  file = join(base, 'run', 'fence-test');
  const program = join(base, 'guard.sh');
  writeFileSync(program, guardScript());
  const systemctl = join(base, 'bin', 'systemctl');
  writeFileSync(systemctl, `#!/bin/sh\n: >${base}/asked\nwhile [ -d ${base} ] && [ ! -e ${base}/heard ]; do sleep 0.05; done\n`);
  chmodSync(systemctl, 0o755);
  say(600_000);
  said = '';
  const guard = spawn('/bin/sh', [program, 'watch', file], {
    env: { ...process.env, PATH: `${join(base, 'bin')}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  guard.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const ended = new Promise<void>((resolve) => void guard.once('exit', () => resolve()));
  end = async () => {
    guard.kill('SIGKILL');
    await ended;
  };
});
afterEach(async () => {
  await end();
  rmSync(base, { recursive: true, force: true });
});

function say(ms: number): void {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const times = { writtenAt: uptime(), until: uptime() + ms, graceSeconds: 600 };
  writeFileSync(
    file,
    guardText(String(uptime()), { bootId, ...times, leaseFile: '', stopping: false, units: [UNIT], containers: [] }),
  );
}

test('a guard whose directory was removed ends what it knows of all the same', async () => {
  say(2_000);
  await eventually('it has begun', () => expect(existsSync(`${file}.pid`)).toBe(true));
  await eventually('it has seen the end', () => expect(existsSync(`${file}.lapsed`)).toBe(true));
  rmSync(join(base, 'run'), { recursive: true });
  await eventually('systemd is asked', () => expect(existsSync(join(base, 'asked'))).toBe(true));
  expect(said).toContain('the lease has run out');
});

test('it is seen that a guard asks systemd to stop units for as long as it does', async () => {
  say(100);
  await eventually('systemd is asked', () => expect(existsSync(join(base, 'asked'))).toBe(true));
  expect(existsSync(`${file}.pending`)).toBe(true);
  writeFileSync(join(base, 'heard'), '');
  await eventually('it is heard', () => expect(existsSync(`${file}.pending`)).toBe(false));
});
