import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { b64 } from '../../../functions/api/etcd/testing/harness.ts';
import { type KvWorld, kvWorld, type Person } from '../kv/world.ts';
import { eventually } from '../../support/eventually.ts';

const key = (text: string, end?: string) => ({ key: b64(text), ...(end !== undefined && { range_end: b64(end) }) });

describe('the key-value store of the embedded server', () => {
  let world: KvWorld;
  let ann: Person;
  beforeAll(async () => {
    world = await kvWorld();
    ann = await world.person();
  });
  afterAll(() => world?.close());

  const etcd = async (path: string, body: object) => {
    const { status, json } = await ann.ask('POST', `/clusters/${ann.cluster}/etcd${path}`, body);
    expect([path, status, json]).toEqual([path, 200, json]);
    return json;
  };
  const count = async (text: string) => Number((await etcd('/v3/kv/range', { ...key(text), count_only: true }))['count'] ?? 0);
  const ttl = async (ID: number) => Number((await etcd('/v3/lease/timetolive', { ID }))['TTL'] ?? 0);
  const put = (text: string, value: string, more: object = {}) =>
    etcd('/v3/kv/put', { ...key(text), value: b64(value), ...more });

  test('a lease ends by itself with its keys, though nobody asks; one that is kept alive lives on', async () => {
    // The other one's TTL is such that a slow machine doesn't end it between two keep-alives.
    for (const [ID, TTL] of [
      [1, 2],
      [2, 10],
    ] as const) {
      await etcd('/v3/lease/grant', { ID, TTL });
      await put(`leased${ID}`, '', { lease: ID });
    }
    await eventually('the lease has ended', async () => {
      await etcd('/v3/lease/keepalive', { ID: 2 });
      expect(await count('leased1')).toBe(0);
    });
    expect([await ttl(1), await count('leased2')]).toEqual([-1, 1]);
  });

  test('a deleted cluster leaves nothing of what was written to it on the disk, and its neighbour keeps all', async () => {
    const bob = await world.person();
    await put('stays', '1');
    const files = () => readdirSync(join(world.dataDir, 'store', 'logs')).filter((name) => name.startsWith(`${bob.tenant}.`));
    expect(files()).toEqual([`${bob.tenant}.${bob.cluster}`]);
    expect((await bob.ask('DELETE', `/v1/clusters/${bob.cluster}`)).status).toBe(204);
    expect(files()).toEqual([]);
    expect(await count('stays')).toBe(1);
  });

  test('a write that the disk refuses is answered with what to do, and /readyz says so until one goes well; nobody else is hurt', async () => {
    const ready = async () => {
      const answer = await fetch(`http://127.0.0.1:${world.port()}/readyz`);
      return { status: answer.status, text: await answer.text() };
    };
    const eve = await world.person();
    // The log's first file can't be made: its directory leads nowhere.
    const log = join(world.dataDir, 'store', 'logs', `${eve.tenant}.${eve.cluster}`, 'kv');
    symlinkSync('nowhere', log);
    const write = () => eve.ask('POST', `/clusters/${eve.cluster}/etcd/v3/kv/put`, { ...key('k'), value: b64('v') });
    expect(await ready()).toEqual({ status: 200, text: 'ok\n' });
    expect(await write()).toMatchObject({
      status: 503,
      json: { code: 14, message: expect.stringMatching(/could not be written to, nothing was changed \(ENOENT\).*dmesg/) },
    });
    expect(await ready()).toEqual({ status: 503, text: expect.stringContaining('ENOENT') });
    await put('stays', '1');
    expect((await ready()).status).toBe(503);
    rmSync(log);
    expect((await write()).json).toMatchObject({ header: { revision: '2' } });
    expect(await ready()).toEqual({ status: 200, text: 'ok\n' });
  });

  test('a lock whose holder went away is free again', async () => {
    await etcd('/v3/lease/grant', { ID: 11, TTL: 2 });
    await etcd('/v3/lease/grant', { ID: 12, TTL: 600 });
    const name = b64('door');
    await etcd('/v3/lock/lock', { name, lease: 11 });
    expect(await etcd('/v3/lock/lock', { name, lease: 12 })).toMatchObject({ key: b64('door/c') });
    expect(await count('door/b')).toBe(0);
  });

  test('leases go on after a restart, and end by themselves although nobody asks for the store', async () => {
    await etcd('/v3/lease/grant', { ID: 21, TTL: 5 });
    await put('restarted', '', { lease: 21 });
    await world.stopServer();
    await world.startServer();
    expect(await count('restarted')).toBe(1);
    await eventually('the lease has ended', async () => expect(await count('restarted')).toBe(0));
  });

  test('a snapshot brings everything back, as a change that a watch sees; without it the log does', async () => {
    await put('kept', '1');
    const saved = await fetch(`http://127.0.0.1:${world.port()}/clusters/${ann.cluster}/etcd/v3/maintenance/snapshot`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.token}` },
    });
    const blobs = (await saved.text())
      .trim()
      .split('\n')
      .map((line) => Buffer.from((JSON.parse(line) as { result: { blob: string } }).result.blob, 'base64'));
    const file = Buffer.concat(blobs);
    const { header } = await put('kept', '2');
    const restore = (query: string, body?: Buffer) =>
      fetch(`http://127.0.0.1:${world.port()}/clusters/${ann.cluster}/etcd/restore${query}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ann.token}` },
        ...(body && { body: new Uint8Array(body) }),
      });
    const answer = await restore('', file);
    expect(answer.status).toBe(200);
    const { before } = (await answer.json()) as { before: number };
    const value = async () => (await etcd('/v3/kv/range', key('kept')))['kvs'];
    expect(await value()).toMatchObject([{ value: b64('1') }]);
    expect(Number((header as { revision: string }).revision)).toBeLessThan(
      Number(((await etcd('/v3/kv/range', key('kept')))['header'] as { revision: string }).revision),
    );
    expect((await restore(`?sequence=${before}`)).status).toBe(200);
    expect(await value()).toMatchObject([{ value: b64('2') }]);

    for (const [query, body, status] of [
      ['', undefined, 400],
      ['?sequence=x', undefined, 400],
      ['?sequence=999999', undefined, 400],
      ['', file.subarray(0, -512), 400],
      ['', Buffer.from('SQLite format 3'), 400],
    ] as const)
      expect([query, (await restore(query, body)).status]).toEqual([query, status]);
  });
});
