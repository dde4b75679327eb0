import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Io, Output } from '../../../cli/io.ts';
import { createProgram } from '../../../cli/program.ts';
import { runProgram } from '../../../cli/run.ts';
import { kvWorld, type KvWorld, type Person } from './world.ts';

jest.setTimeout(120_000);

let world: KvWorld;
let person: Person;
let directory: string;

beforeAll(async () => {
  world = await kvWorld();
  person = await world.person();
  directory = await mkdtemp(join(tmpdir(), 'trn-kvcli-'));
});
afterAll(async () => {
  await world?.close();
  await rm(directory, { recursive: true, force: true });
});

function sink(onWrite: (text: string) => void = () => {}) {
  const chunks: Buffer[] = [];
  const output: Output = {
    isTerminal: false,
    columns: undefined,
    async write(text) {
      chunks.push(Buffer.from(text));
      onWrite(Buffer.concat(chunks).toString());
    },
  };
  return { output, text: () => Buffer.concat(chunks).toString() };
}

/** `terrane kv ARGS`, logged in by the environment. `until`: gives up waiting for its end when its output is that. */
async function kv(args: readonly string[], options: { stdin?: string; until?: RegExp } = {}) {
  let seen = () => {};
  const enough = new Promise<'seen'>((resolve) => {
    seen = () => resolve('seen');
  });
  const out = sink((text) => (options.until?.test(text) ? seen() : undefined));
  const err = sink();
  const io: Io = {
    out: out.output,
    err: err.output,
    input: { isTerminal: false, readAll: async () => options.stdin ?? '', ask: () => Promise.reject(new Error('asked')) },
    env: {
      ...process.env,
      TERRANE_SERVER: `http://127.0.0.1:${world.port()}`,
      TERRANE_TOKEN: person.token,
      TERRANE_CONFIG: join(directory, 'config.json'),
    },
    now: Date.now,
    sleep: async () => {},
  };
  const nothing = async () => {};
  const program = createProgram({ io, version: 'test', runServer: nothing, runAgent: nothing });
  const code = await Promise.race([runProgram(program, io, ['kv', ...args]), enough]);
  return { code, stdout: out.text(), stderr: err.text() };
}

const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });

describe('terrane kv', () => {
  test('a host where no etcd listens is told so, and what to look for: an agent, not a control plane', async () => {
    expect(await kv(['get', 'a', '--endpoint', '127.0.0.1:1'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/etcd is not reached at http:\/\/127\.0\.0\.1:1\n.*--etcd-listen/),
    });
  });

  test('put, get and del work as with etcdctl', async () => {
    expect(await kv(['put', 'a', '1'])).toEqual(ok('OK\n'));
    expect(await kv(['put', 'ab'], { stdin: '2' })).toEqual(ok('OK\n'));
    expect(await kv(['put', 'a', '3', '--prev-kv'])).toEqual(ok('OK\na\n1\n'));
    expect(await kv(['get', 'a'])).toEqual(ok('a\n3\n'));
    expect(await kv(['get', 'a', '--prefix'])).toEqual(ok('a\n3\nab\n2\n'));
    expect(await kv(['get', 'a', 'ab'])).toEqual(ok('a\n3\n'));
    expect(await kv(['get', 'a', '--from-key', '--sort-by', 'KEY', '--order', 'DESCEND', '--limit', '1'])).toEqual(ok('ab\n2\n'));
    expect(await kv(['get', 'a', '--rev', '2', '--print-value-only'])).toEqual(ok('1\n'));
    expect(await kv(['get', '', '--prefix', '--count-only'])).toEqual(ok('2\n'));
    expect(await kv(['get', 'none'])).toEqual(ok(''));
    expect(await kv(['del', 'a', '--prefix', '--prev-kv'])).toEqual(ok('2\na\n3\nab\n2\n'));
    expect(JSON.parse((await kv(['get', 'a', '--json'])).stdout)).toMatchObject({ header: { revision: '5' } });
  });

  test('says what etcd says, and what was wrong with the command', async () => {
    const future = await kv(['get', 'a', '--rev', '9999']);
    expect([future.code, future.stderr]).toEqual([1, expect.stringContaining('required revision is a future revision')]);
    expect(await kv(['put', 'a', 'x', '--lease', 'nothex'])).toMatchObject({ code: 2 });
    expect(await kv(['put', 'a', 'x', '--lease', '1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('requested lease not found'),
    });
    expect(await kv(['get', 'a', '--endpoint', 'http://127.0.0.1:1'])).toMatchObject({ code: 1, stdout: '' });
    expect(await kv(['snapshot', 'restore'])).toMatchObject({ code: 2 });
  });

  test('a transaction is read as etcdctl reads it', async () => {
    const txn = 'mod("t") = "0"\n\nput t "a \\"new\\" value"\n\nget t\n';
    expect(await kv(['txn'], { stdin: txn })).toEqual(ok('SUCCESS\n\nOK\n'));
    expect(await kv(['txn'], { stdin: txn })).toEqual(ok('FAILURE\n\nt\na "new" value\n'));
    expect(await kv(['txn'], { stdin: 'what("t") = "0"\n' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not a comparison'),
    });
  });

  test('a watch prints what happens, from a revision on', async () => {
    await kv(['put', 'w', '1']);
    const { header } = JSON.parse((await kv(['get', 'w', '--json'])).stdout) as { header: { revision: string } };
    await kv(['del', 'w']);
    const { stdout } = await kv(['watch', 'w', '--rev', header.revision], { until: /DELETE\nw\n\n/ });
    expect(stdout).toBe('PUT\nw\n1\nDELETE\nw\n\n');
  });

  test('leases are granted, listed, kept alive and revoked', async () => {
    const granted = await kv(['lease', 'grant', '60']);
    const id = /^lease ([0-9a-f]{16}) granted with TTL\(60s\)\n$/.exec(granted.stdout)![1]!;
    expect(await kv(['put', 'leased', '1', '--lease', id])).toEqual(ok('OK\n'));
    expect((await kv(['lease', 'timetolive', id, '--keys'])).stdout).toMatch(
      new RegExp(`^lease ${id} granted with TTL\\(60s\\), remaining\\(\\d+s\\), attached keys\\(\\[leased\\]\\)\\n$`),
    );
    expect(await kv(['lease', 'keep-alive', id, '--once'])).toEqual(ok(`lease ${id} keepalived with TTL(60)\n`));
    expect((await kv(['lease', 'list'])).stdout).toContain(id);
    expect(await kv(['lease', 'revoke', id])).toEqual(ok(`lease ${id} revoked\n`));
    expect(await kv(['lease', 'timetolive', id])).toEqual(ok(`lease ${id} already expired\n`));
    expect(await kv(['lease', 'keep-alive', id, '--once'])).toMatchObject({ code: 1 });
    expect(await kv(['get', 'leased'])).toEqual(ok(''));
  });

  test('a command runs while a lock is held, and the lock ends with it', async () => {
    const file = join(directory, 'lock');
    expect(await kv(['lock', 'm', '--', 'sh', '-c', `printf %s "$ETCD_LOCK_KEY" > ${file}`])).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toMatch(/^m\/[0-9a-f]+$/);
    expect(await kv(['get', 'm/', '--prefix'])).toEqual(ok(''));
    expect(await kv(['lock', 'm', '--ttl', '5', 'true'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("options go before the lock's name"),
    });
    expect(await kv(['lock', 'm', 'sh', '-c', 'exit 7'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exit code 7'),
    });
  });

  test('a snapshot brings back what was deleted since, and can be undone', async () => {
    await kv(['put', 'precious', '1']);
    const file = join(directory, 'kv.snapshot');
    expect((await kv(['snapshot', 'save', file])).stdout).toMatch(/^Saved \d+ bytes/);
    await kv(['del', 'precious']);
    expect(await kv(['snapshot', 'restore', file])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const restored = await kv(['snapshot', 'restore', file, '--yes']);
    expect(restored.stdout).toMatch(/^Restored \d+ keys/);
    expect(await kv(['get', 'precious'])).toEqual(ok('precious\n1\n'));
    await kv(['snapshot', 'restore', '--sequence', /--sequence (\d+)/.exec(restored.stdout)![1]!, '--yes']);
    expect(await kv(['get', 'precious'])).toEqual(ok(''));
    const bytes = await readFile(file);
    bytes[100]! ^= 1;
    await writeFile(file, bytes);
    expect(await kv(['snapshot', 'restore', file, '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('checksum does not match'),
    });
  });

  test('shell-env points etcdctl to the host', async () => {
    expect(await kv(['shell-env'])).toEqual(ok("export ETCDCTL_API='3'\nexport ETCDCTL_ENDPOINTS='http://127.0.0.1:2379'\n"));
  });
});
