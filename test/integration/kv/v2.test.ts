import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type RunningKv, startKv } from '../../../agent/kv/start-kv.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { findEtcd, type RunningEtcd, startEtcd } from '../etcd/debian-etcd.ts';
import { kvWorld, type KvWorld, type Person, type TestHost } from './world.ts';

jest.setTimeout(120_000);

const run = promisify(execFile);
let world: KvWorld;
let person: Person;
let host: TestHost;
let etcd: RunningEtcd | undefined;
let kv: RunningKv;
let ours = '';
let directory = '';
const end = new AbortController();

beforeAll(async () => {
  world = await kvWorld();
  const binary = await findEtcd();
  etcd = binary === undefined ? undefined : await startEtcd(binary, { 'enable-v2': 'true' });
  person = await world.person();
  host = await person.host('a');
  directory = await mkdtemp(join(tmpdir(), 'trn-v2-'));
  kv = await startKv({
    client: host.client,
    identity: host.identity,
    dataDirectory: directory,
    listen: [{ host: '127.0.0.1', port: 0 }],
    prefixes: [],
    cacheBytes: 64_000_000,
    log: silentLogger,
    now: Date.now,
    random: Math.random,
    signal: end.signal,
    pushConnected: () => false,
  });
  ours = `http://${kv.facts().listening[0]!}`;
});
afterAll(async () => {
  await kv?.close();
  end.abort();
  await etcd?.stop();
  await world?.close();
  await rm(directory, { recursive: true, force: true });
});

interface Case {
  readonly method?: string;
  readonly path: string;
  /** Text: as it stands. */
  readonly form?: Record<string, string> | string;
}

const put = (path: string, form: Case['form'] = {}): Case => ({ method: 'PUT', path, form });
const get = (path: string): Case => ({ path });
const del = (path: string): Case => ({ method: 'DELETE', path });

/** In order: each sees what those before it left. */
const CASES: readonly Case[] = [
  // What got damaged on its way isn't stored.
  put('/damaged', 'value=%ZZ'),
  put('/damaged', 'value=100%'),
  put('/damaged', 'value=%4'),
  put('/damaged', '%=1&value=2'),
  put('/damaged', 'value=a;b'),
  put('/damaged?prevExist=%z', 'value=1'),
  get('/damaged?x;y'),
  get('/damaged?recursive=%'),
  put('/damaged', 'value=%25+%3B&&=&x'),
  get('/damaged'),
  { method: 'DELETE', path: '/damaged', form: 'prevValue=other' },
  put('/foo', { value: 'bar' }),
  get('/foo'),
  put('/foo', { value: 'baz' }),
  put('/foo', { value: 'q', prevExist: 'true' }),
  put('/foo', { value: 'q', prevExist: 'false' }),
  put('/foo?prevValue=zz', { value: 'q' }),
  put('/foo?prevIndex=1', { value: 'q' }),
  put('/foo?prevIndex=1&prevValue=zz', { value: 'q' }),
  put('/foo?prevValue=q', { value: 'r' }),
  put('/foo?prevIndex=0', { value: 'r' }),
  get('/nope'),
  get('/nope/x'),
  put('/foo/x', { value: '1' }),
  get('/foo/x'),
  put('/d', { dir: 'true' }),
  put('/d', { dir: 'true' }),
  put('/d', { value: 'x' }),
  put('/d/a/b', { value: '1' }),
  get('/d'),
  get('/d?recursive=true&sorted=true'),
  get('/d/'),
  del('/d'),
  del('/d?dir=true'),
  put('/d', { value: 'x', prevExist: 'true' }),
  put('/d?prevValue=1', { value: '2' }),
  del('/d?prevValue=1'),
  put('/d', { dir: 'true', prevExist: 'true' }),
  put('/d?prevExist=false', { dir: 'true' }),
  del('/d?recursive=true'),
  del('/foo?dir=true'),
  del('/foo'),
  get('/'),
  put('', { value: 'x' }),
  del(''),
  del('?recursive=true'),
  put('/em'),
  get('/em?recursive=true'),
  put('/em?noValueOnSuccess=true', { value: '7' }),
  del('/em?prevValue=8'),
  del('/em?prevIndex=1'),
  del('/em?prevValue=7'),
  put('/a%20b', { value: 'é<&>' }),
  get('/a%20b'),
  put('/_h/a', { value: '1' }),
  get('/_h'),
  get('/?recursive=true&sorted=true'),
  put('/u', { value: '1' }),
  put('/u', { value: '1', ttl: 'abc' }),
  put('/u', { value: '1', ttl: '-5' }),
  put('/u', { value: '1', prevExist: 'zz' }),
  put('/u', { value: '1', prevIndex: 'zz' }),
  put('/u', { value: '1', prevValue: '' }),
  put('/u', { value: '1', dir: 'zz' }),
  put('/u', { refresh: 'true', value: 'x', ttl: '5' }),
  put('/u', { refresh: 'true' }),
  put('/new', { refresh: 'true', ttl: '100', prevExist: 'true' }),
  put('/u?wait=true', { value: '1' }),
  get('/u?recursive=zz'),
  get('/u?sorted=zz'),
  get('/u?wait=zz'),
  get('/u?quorum=zz'),
  get('/u?waitIndex=zz'),
  get('/u?quorum=true'),
  put('/t', { value: 'x', ttl: '100' }),
  get('/t'),
  put('/t', { ttl: '200', refresh: 'true', prevExist: 'true' }),
  get('/t'),
  put('/t', { value: 'y', prevExist: 'true' }),
  get('/t'),
  put('/x/y/z', { dir: 'true' }),
  put('/x?prevExist=false', { value: '1' }),
  del('/x/y?dir=true'),
  del('/x?recursive=true&dir=true'),
  { method: 'PATCH', path: '/u' },
  { method: 'OPTIONS', path: '/u' },
];

/** Indices are counted from the smallest up; times by how long they are off. */
function comparable(text: string, known: Map<string, number>): string {
  return text
    .replace(/"(modifiedIndex|createdIndex|index)":(\d+)/g, (_, name: string, index: string) => `"${name}":${rank(index, known)}`)
    .replace(/\[1 != \d+\]/g, '[1 != n]')
    .replace(/"expiration":"[^"]+"/g, '"expiration":"then"');
}

function rank(index: string, known: Map<string, number>): string {
  if (index === '0') return '0';
  if (!known.has(index)) known.set(index, known.size + 1);
  return `n${known.get(index)!}`;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function ask(base: string, { method = 'GET', path, form }: Case, known: Map<string, number>) {
  const response = await fetch(`${base}/v2/keys${path}`, {
    method,
    redirect: 'manual',
    ...(form ? { body: typeof form === 'string' ? form : new URLSearchParams(form), headers: FORM } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type')?.split(';')[0],
    allow: response.headers.get('allow'),
    hasIndex: response.headers.has('x-etcd-index'),
    text: comparable(text, known),
  };
}

describe('the v2 keys API', () => {
  test(`answers ${CASES.length} requests as Debian's etcd does`, async () => {
    if (!etcd) return;
    const [mine, theirs] = [new Map<string, number>(), new Map<string, number>()];
    for (const one of CASES) {
      const what = `${one.method ?? 'GET'} ${one.path} ${JSON.stringify(one.form ?? {})}`;
      const expected = await ask(etcd.url, one, theirs);
      expect([what, await ask(ours, one, mine)]).toEqual([what, expected]);
    }
  });

  test('in-order keys sort as they were made, and a wait is answered by what happens next', async () => {
    const make = async (value: string) => {
      const response = await fetch(`${ours}/v2/keys/q`, { method: 'POST', body: new URLSearchParams({ value }) });
      return ((await response.json()) as { node: { key: string } }).node.key;
    };
    const keys = [await make('1'), await make('2')];
    expect([...keys].sort()).toEqual(keys);
    const waiting = fetch(`${ours}/v2/keys/q?wait=true&recursive=true`);
    const response = await waiting;
    expect(response.status).toBe(200);
    const third = await make('3');
    expect(await response.json()).toMatchObject({ action: 'create', node: { key: third, value: '3' } });
  });

  test('a key whose time is over is gone, and who waits for it is told that it expired', async () => {
    const response = await fetch(`${ours}/v2/keys/brief`, { method: 'PUT', body: new URLSearchParams({ value: '1', ttl: '2' }) });
    const { node } = (await response.json()) as { node: { modifiedIndex: number } };
    const event = await fetch(`${ours}/v2/keys/brief?wait=true&waitIndex=${node.modifiedIndex + 1}`);
    expect(await event.json()).toMatchObject({ action: 'expire', node: { key: '/brief' }, prevNode: { value: '1' } });
    expect((await fetch(`${ours}/v2/keys/brief`)).status).toBe(404);
  });

  test('who waits for what was compacted away is refused, with the index to read from anew', async () => {
    for (const value of ['1', '2']) await fetch(`${ours}/v2/keys/old`, { method: 'PUT', body: new URLSearchParams({ value }) });
    const v3 = async (path: string, body: object) =>
      (await (await fetch(ours + path, { method: 'POST', body: JSON.stringify(body) })).json()) as {
        header: { revision: string };
      };
    const { header } = await v3('/v3/kv/range', { key: 'AA==' });
    await v3('/v3/kv/compaction', { revision: header.revision });
    const wait = (index: string | number) => fetch(`${ours}/v2/keys/old?wait=true&waitIndex=${index}`);
    const refused = await wait(2);
    expect([refused.status, refused.headers.get('x-etcd-index')]).toEqual([400, header.revision]);
    expect(await refused.json()).toEqual({
      errorCode: 401,
      message: 'The event in requested index is outdated and cleared',
      cause: `the requested history has been cleared [${header.revision}/2]`,
      index: Number(header.revision),
    });
    // The newest is there to be watched.
    expect(await (await wait(header.revision)).json()).toMatchObject({ action: 'set', node: { value: '2' } });
  });

  test('while the control plane is away, values can be read, and writes say that they got lost', async () => {
    await fetch(`${ours}/v2/keys/kept`, { method: 'PUT', body: new URLSearchParams({ value: '1' }) });
    await fetch(`${ours}/v2/keys/kept?quorum=true`);
    host.network.state = 'closed';
    try {
      expect(await (await fetch(`${ours}/v2/keys/kept`)).json()).toMatchObject({ node: { value: '1' } });
      const refused = await fetch(`${ours}/v2/keys/kept?quorum=true`);
      expect([refused.status, await refused.json()]).toMatchObject([
        500,
        { errorCode: 300, cause: 'etcdserver: request timed out' },
      ]);
    } finally {
      host.network.state = 'open';
    }
  });

  test('web pages are not served, what is too long is refused, and what does not exist is not found', async () => {
    expect((await fetch(`${ours}/v2/keys/`, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect((await fetch(`${ours}/v2/nothing`)).status).toBe(404);
    const long = await fetch(`${ours}/v2/keys/long`, {
      method: 'PUT',
      body: new URLSearchParams({ value: 'x'.repeat(2_100_000) }),
    });
    expect([long.status, await long.json()]).toMatchObject([400, { errorCode: 210 }]);
    expect((await fetch(`${ours}/v2/keys/long`)).status).toBe(404);
    expect((await fetch(`${ours}/v2/keys//x//y`, { redirect: 'manual' })).headers.get('location')).toBe('/v2/keys/x/y');
    expect(await (await fetch(`${ours}/v2/machines`)).text()).toBe(ours);
  });
});

describe("Debian's etcdctl with ETCDCTL_API=2", () => {
  const etcdctl = async (base: string, ...args: string[]) => {
    const env = { ...process.env, ETCDCTL_API: '2' };
    return run('etcdctl', ['--endpoints', base, ...args], { env, timeout: 30_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  };

  test('gives the same output and exit codes as against etcd', async () => {
    if (!etcd || (await run('etcdctl', ['version']).catch(() => undefined)) === undefined) {
      console.warn('etcdctl is not compared: there is none, or no etcd to compare with');
      return;
    }
    for (const args of [
      ['set', '/ctl/a', '1'],
      ['get', '/ctl/a'],
      ['mk', '/ctl/a', '2'],
      ['mk', '/ctl/b', '2'],
      ['update', '/ctl/b', '3'],
      ['update', '/ctl/none', '3'],
      ['mkdir', '/ctl/dir'],
      ['mkdir', '/ctl/dir'],
      ['ls', '/ctl', '--sort'],
      ['ls', '/ctl', '--recursive', '--sort', '-p'],
      ['get', '/ctl/none'],
      ['get', '/ctl/dir'],
      ['rm', '/ctl/dir'],
      ['rmdir', '/ctl/dir'],
      ['rm', '/ctl/a', '--with-value', '7'],
      ['rm', '/ctl/a'],
      ['rm', '/ctl', '--recursive'],
    ]) {
      const strip = ({ code, stdout, stderr }: Awaited<ReturnType<typeof etcdctl>>) => ({
        args,
        code,
        stdout,
        stderr: stderr.replace(/\[\d+\]/g, '[n]'),
      });
      expect(strip(await etcdctl(ours, ...args))).toEqual(strip(await etcdctl(etcd.url, ...args)));
    }
  });

  test('watches', async () => {
    if ((await run('etcdctl', ['version']).catch(() => undefined)) === undefined) return;
    const watching = etcdctl(ours, 'watch', '/watched');
    let over = false;
    void watching.then(() => {
      over = true;
    });
    // It tells nobody when it is ready.
    await eventually('the watch has seen a value', async () => {
      await fetch(`${ours}/v2/keys/watched`, { method: 'PUT', body: new URLSearchParams({ value: 'seen' }) });
      expect(over).toBe(true);
    });
    expect((await watching).stdout.trim()).toBe('seen');
  });
});
