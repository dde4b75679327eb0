import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

/** The programs as they are shipped, on directories that other versions of them have written. */

const TERRANE = join(import.meta.dirname, '../../../dist/terrane.mjs');
const LIMIT_MS = 60_000;

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'terrane-data-format-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const serverArgs = () => ['server', '--data', data, '--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--json'];

async function serveOnce(): Promise<void> {
  const server = spawn(process.execPath, [TERRANE, ...serverArgs()], { stdio: ['ignore', 'pipe', 'ignore'] });
  await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
}

function refused(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TERRANE, ...args], { encoding: 'utf8', timeout: LIMIT_MS });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  return stderr;
}

/** Each file's path and content, but for the lock, which says who looked last. */
function contents(): Record<string, string> {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(data, path)).isFile());
  return Object.fromEntries(
    files.filter((path) => path !== 'lock').map((path) => [path, readFileSync(join(data, path), 'base64')]),
  );
}

test(
  'a server leaves the data of a newer one alone and says what to do; data without a format are of today',
  async () => {
    await serveOnce();
    expect(readFileSync(join(data, 'format'), 'utf8')).toBe('1\n');
    writeFileSync(join(data, 'format'), '2\n');
    const before = contents();
    expect(refused(serverArgs())).toMatch(/written by a newer Terrane: its format is 2.*Start the newer server again/);
    expect(contents()).toEqual(before);

    rmSync(join(data, 'format'));
    await serveOnce();
    expect(readFileSync(join(data, 'format'), 'utf8')).toBe('1\n');
  },
  LIMIT_MS,
);

test('a server makes nothing in a directory of which it knows only that it is newer', () => {
  writeFileSync(join(data, 'format'), '7\n');
  refused(serverArgs());
  expect(Object.keys(contents())).toEqual(['format']);
});

test('an agent leaves the data of a newer one alone and says what to do', () => {
  writeFileSync(join(data, 'format'), '2\n');
  const said = refused(['agent', '--data', data, '--server', 'http://127.0.0.1:9']);
  expect(said).toContain('written by a newer Terrane: its format is 2');
  expect(said).toContain('Install the newer agent again');
  expect(contents()).toEqual({ format: Buffer.from('2\n').toString('base64') });
});
