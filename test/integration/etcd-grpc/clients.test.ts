import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Etcd3, EtcdLockFailedError } from 'etcd3';
import { type OurEtcd, startOurs } from './our-etcd.ts';

/** Programs that use the common client libraries work on the host's endpoint as it is. */

let ours: OurEtcd;
beforeAll(async () => {
  ours = await startOurs();
});
afterAll(async () => {
  await ours?.stop();
});

describe('npm etcd3', () => {
  let client: Etcd3;
  beforeAll(() => {
    client = new Etcd3({ hosts: ours.url });
  });
  afterAll(() => client.close());

  test('puts, gets and deletes', async () => {
    await client.put('js/a').value('1');
    await client.put('js/b').value(Buffer.from([0, 255]));
    expect(await client.get('js/a').string()).toBe('1');
    expect(await client.get('js/missing').string()).toBeNull();
    expect(await client.getAll().prefix('js/').keys()).toEqual(['js/a', 'js/b']);
    expect(await client.getAll().prefix('js/').sort('Key', 'Descend').limit(1).keys()).toEqual(['js/b']);
    expect((await client.delete().key('js/b')).deleted).toBe('1');
  });

  test('runs transactions', async () => {
    const attempt = () =>
      client.if('js/t', 'Create', '==', 0).then(client.put('js/t').value('first')).else(client.get('js/t')).commit();
    expect((await attempt()).succeeded).toBe(true);
    const second = await attempt();
    expect(second.succeeded).toBe(false);
    expect(second.responses[0]!.response_range.kvs[0]!.value.toString()).toBe('first');
  });

  test('watches, from now on and from the past', async () => {
    const watcher = await client.watch().prefix('js/w').create();
    const put = new Promise<string>((resolve) => watcher.once('put', (kv) => resolve(kv.value.toString())));
    const deleted = new Promise<string>((resolve) => watcher.once('delete', (kv) => resolve(kv.key.toString())));
    await client.put('js/w1').value('x');
    await client.delete().key('js/w1');
    expect([await put, await deleted]).toEqual(['x', 'js/w1']);
    await watcher.cancel();

    const response = await client.put('js/old').value('y');
    const late = await client.watch().key('js/old').startRevision(response.header.revision).create();
    expect(await new Promise((resolve) => late.once('put', (kv) => resolve(kv.value.toString())))).toBe('y');
    await late.cancel();
  });

  test('keeps leases alive, and what is under them goes with them', async () => {
    const lease = client.lease(60);
    await lease.put('js/l').value('x');
    await lease.keepaliveOnce();
    expect(await client.get('js/l').string()).toBe('x');
    await lease.revoke();
    expect(await client.get('js/l').string()).toBeNull();
  });

  test('locks', async () => {
    // The library keeps a timer for as long as a lock that it didn't get would live.
    const makeLock = () => client.lock('js-lock').ttl(2);
    const lock = makeLock();
    await lock.acquire();
    await expect(makeLock().acquire()).rejects.toThrow(EtcdLockFailedError);
    await lock.release();
    expect(await makeLock().do(() => Promise.resolve('held'))).toBe('held');
  });

  test('elects a leader, and the next when it resigns', async () => {
    const election = client.election('js-election');
    const one = election.campaign('one');
    await one.wait();
    expect(await election.leader()).toBe('one');
    const two = election.campaign('two');
    await one.resign();
    await two.wait();
    expect(await election.leader()).toBe('two');
    await two.resign();
  });
});

test('npm etcd3: users, roles, and what they may do', async () => {
  const own = await startOurs();
  const admin = new Etcd3({ hosts: own.url });
  const reader = admin.role('reader');
  await reader.create();
  await reader.grant({ permission: 'Read', range: admin.range({ prefix: 'open/' }) });
  const alice = admin.user('alice');
  await alice.create('secret');
  await alice.addRole(reader);
  expect((await alice.roles()).map(({ name }) => name)).toEqual(['reader']);
  await admin.role('root').create();
  const root = admin.user('root');
  await root.create('root');
  await root.addRole('root');
  await admin.auth.authEnable();

  const asRoot = new Etcd3({ hosts: own.url, auth: { username: 'root', password: 'root' } });
  const asAlice = new Etcd3({ hosts: own.url, auth: { username: 'alice', password: 'secret' } });
  await asRoot.put('open/a').value('1');
  expect(await asAlice.get('open/a').string()).toBe('1');
  await expect(asAlice.get('closed').string()).rejects.toThrow('permission denied');
  await expect(asAlice.put('open/a').value('2')).rejects.toThrow('permission denied');
  await asRoot.auth.authDisable();
  for (const client of [admin, asRoot, asAlice]) client.close();
  await own.stop();
  expect(own.errors).toEqual([]);
});

test.each(['with_etcd3.py', 'with_etcd3gw.py'])('python: %s', async (script) => {
  const run = promisify(execFile);
  const { stdout } = await run('/usr/bin/python3', [join(import.meta.dirname, 'python', script), ours.host, String(ours.port)], {
    timeout: 50_000,
  });
  expect(stdout).toBe('all is well\n');
});

test('none of it was a fault of ours', () => expect(ours.errors).toEqual([]));
