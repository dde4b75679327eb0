import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { rebootReason, runningOldCode } from './needs-restart.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'trn-restart-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, content = '', at?: Date): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  if (at) utimesSync(join(root, path), at, at);
}

test('programs that run code which was replaced are named; mapped data, and what lies elsewhere, is none', async () => {
  const map = (permissions: string, path: string) =>
    `7f00-7f01 ${permissions} 00000000 08:01 123                        ${path}\n`;
  file('1/maps', map('r-xp', '/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)'));
  file('1/comm', 'nginx\n');
  file('2/maps', map('r-xp', '/usr/sbin/cron (deleted)'));
  file('2/comm', 'cron\n');
  file(
    '3/maps',
    map('r--p', '/usr/lib/locale/x (deleted)') + map('rw-s', '/memfd:x.so (deleted)') + map('r-xp', '/usr/lib/libc.so.6'),
  );
  file('3/comm', 'fine\n');
  file('self/maps', map('r-xp', '/usr/sbin/other (deleted)'));
  expect(await runningOldCode(root)).toEqual(['cron', 'nginx']);
});

test('a host reboots when a package asks for it, or a kernel came since it was booted', async () => {
  const booted = Date.parse('2026-11-25T12:00:00Z');
  expect(await rebootReason(root, booted)).toBeUndefined();
  file('boot/vmlinuz-6.1.0-9-amd64', '', new Date(booted + 1));
  file('var/lib/dpkg/info/linux-image-6.1.0-9-amd64.list', '', new Date(booted - 1));
  expect(await rebootReason(root, booted)).toBeUndefined();
  file('boot/vmlinuz-6.1.0-25-amd64');
  file('var/lib/dpkg/info/linux-image-6.1.0-25-amd64.list', '', new Date(booted + 1));
  expect(await rebootReason(root, booted)).toBe('a new kernel, vmlinuz-6.1.0-25-amd64');
  file('run/reboot-required');
  file('run/reboot-required.pkgs', 'libc6\ndbus\n');
  expect(await rebootReason(root, booted)).toBe('asked for by libc6, dbus');
});
