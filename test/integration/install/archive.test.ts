import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Manifest } from '../../../bin/build/manifest.ts';

/** What `npm run build` left in dist/agent, as hosts get it. */
const ROOT = join(import.meta.dirname, '../../..');
const DIST = join(ROOT, 'dist/agent');

let directory: string;
let manifest: Manifest;
let archive: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'terrane-archive-'));
  manifest = JSON.parse(await readFile(join(DIST, 'manifest.json'), 'utf8')) as Manifest;
  archive = join(DIST, manifest.artifacts.find(({ arch }) => arch === process.arch)!.name);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const output = (command: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stderr}`);
  return stdout;
};

test('the manifest names each archive with its size and checksum', async () => {
  for (const { name, size, sha256 } of manifest.artifacts) {
    const content = await readFile(join(DIST, name));
    expect(content.length).toBe(size);
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  }
});

test('GNU and busybox tar read the archive, which is several gzip members', () => {
  const names = output('tar', '-tzf', archive).trim().split('\n').sort();
  expect(names).toEqual(
    [
      'LICENSE',
      'LICENSE.node',
      'bin/node',
      'bin/terrane-agent',
      'lib/agent.mjs',
      'share/terrane-agent.service',
      'share/uninstall.sh',
      'share/upgrade-guard.sh',
    ].sort(),
  );
  expect(output('/bin/busybox', 'tar', '-tzf', archive).trim().split('\n').sort()).toEqual(names);
});

test('unpacked it runs, with the pinned runtime and through a link, whatever Node the host has', async () => {
  output('tar', '-xzf', archive, '-C', directory);
  const runtime = JSON.parse(await readFile(join(ROOT, 'agent/install/runtime.json'), 'utf8')) as { version: string };
  expect(output(join(directory, 'bin/node'), '--version').trim()).toBe(`v${runtime.version}`);
  output('ln', '-s', join(directory, 'bin/terrane-agent'), join(directory, 'link'));
  expect(output('env', '-i', 'PATH=/bin:/usr/bin', join(directory, 'link'), '--version').trim()).toBe(manifest.version);
  expect((await stat(join(directory, 'bin/terrane-agent'))).mode & 0o777).toBe(0o755);
});
