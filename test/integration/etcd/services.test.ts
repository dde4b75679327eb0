import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { b64, type EtcdHarness, etcdHarness } from '../../../functions/api/etcd/testing/harness.ts';
import { comparable } from './comparable.ts';
import { findEtcd, type RunningEtcd, startEtcd } from './debian-etcd.ts';

const binary = await findEtcd();

const key = (text: string, end?: string) => ({ key: b64(text), ...(end !== undefined && { range_end: b64(end) }) });
const put = (text: string, more: object = {}) => ({ ...key(text), value: b64('v'), ...more });
const user = (name: string, password = 'pw') => ({ name, password });
const perm = (name: string, permType: string, from: string, end?: string) => ({ name, perm: { permType, ...key(from, end) } });

const RANGE = '/v3/kv/range';
const PUT = '/v3/kv/put';
const DELETE = '/v3/kv/deleterange';
const TXN = '/v3/kv/txn';
const AUTH = '/v3/auth';

/** `as`: whose token goes with it. */
type Step = readonly [path: string, body: object, as?: string];

/** One after the other, on one store. */
const SEQUENCES: Readonly<Record<string, readonly Step[]>> = {
  'users and roles while authentication is off': [
    [`${AUTH}/enable`, {}],
    [`${AUTH}/authenticate`, user('ann')],
    [`${AUTH}/user/add`, user('')],
    [`${AUTH}/user/add`, user('root')],
    [`${AUTH}/user/add`, user('root')],
    [`${AUTH}/enable`, {}],
    [`${AUTH}/user/grant`, { user: 'root', role: 'nothing' }],
    [`${AUTH}/user/grant`, { user: 'nobody', role: 'root' }],
    [`${AUTH}/role/add`, { name: 'root' }],
    [`${AUTH}/user/grant`, { user: 'root', role: 'root' }],
    [`${AUTH}/user/grant`, { user: 'root', role: 'root' }],
    [`${AUTH}/user/get`, { name: 'root' }],
    [`${AUTH}/user/get`, { name: 'nobody' }],
    [`${AUTH}/user/add`, user('ann')],
    [`${AUTH}/user/add`, { name: 'cert', options: { no_password: true } }],
    [`${AUTH}/user/list`, {}],
    [`${AUTH}/role/add`, { name: 'a' }],
    [`${AUTH}/role/add`, { name: 'a' }],
    [`${AUTH}/role/add`, { name: 'b' }],
    [`${AUTH}/role/list`, {}],
    [`${AUTH}/role/grant`, perm('nothing', 'READ', 'x')],
    [`${AUTH}/role/grant`, perm('a', 'READ', 'a/', 'a0')],
    [`${AUTH}/role/grant`, perm('a', 'READ', 'both/a', 'both/m')],
    [`${AUTH}/role/grant`, perm('a', 'READ', 'both/m', 'both/z')],
    [`${AUTH}/role/grant`, perm('a', 'WRITE', 'w')],
    [`${AUTH}/role/grant`, perm('a', 'READ', 'w')],
    [`${AUTH}/role/grant`, perm('a', 'READWRITE', 'rw', 'rx')],
    [`${AUTH}/role/grant`, perm('b', 'READWRITE', 'tail', '\0')],
    [`${AUTH}/role/get`, { role: 'a' }],
    [`${AUTH}/role/get`, { role: 'nothing' }],
    [`${AUTH}/role/revoke`, { role: 'a', ...key('w') }],
    [`${AUTH}/role/revoke`, { role: 'a', ...key('w') }],
    [`${AUTH}/role/revoke`, { role: 'nothing', ...key('w') }],
    [`${AUTH}/role/get`, { role: 'a' }],
    [`${AUTH}/user/grant`, { user: 'ann', role: 'a' }],
    [`${AUTH}/user/grant`, { user: 'ann', role: 'b' }],
    [`${AUTH}/user/get`, { name: 'ann' }],
    [`${AUTH}/user/revoke`, { name: 'ann', role: 'nothing' }],
    [`${AUTH}/user/changepw`, user('nobody')],
    [`${AUTH}/user/delete`, { name: 'nobody' }],
    [`${AUTH}/role/delete`, { role: 'nothing' }],
    [PUT, put('secret')],
    [PUT, put('a/1')],
    ['/v3/lease/grant', { ID: 77, TTL: 600 }],
    [PUT, put('rw1', { lease: 77 })],
    [PUT, put('secret2', { lease: 77 })],
    [`${AUTH}/enable`, {}],
    [`${AUTH}/enable`, {}],
  ],
  'nobody and somebody while it is on': [
    [RANGE, key('a/1')],
    [PUT, put('rw')],
    [`${AUTH}/user/list`, {}],
    [`${AUTH}/authenticate`, user('ann', 'wrong')],
    [`${AUTH}/authenticate`, user('nobody')],
    [`${AUTH}/authenticate`, user('cert', '')],
    [RANGE, key('a/1'), 'forged'],
    [RANGE, key('a/1'), 'ann'],
    [RANGE, key('a/', 'a0'), 'ann'],
    [RANGE, key('a', 'a0'), 'ann'],
    [RANGE, key('both/b', 'both/y'), 'ann'],
    [RANGE, key('both/b', 'c'), 'ann'],
    [RANGE, key('tailor', '\0'), 'ann'],
    [RANGE, key('\0', '\0'), 'ann'],
    [RANGE, { ...key('secret'), serializable: true }, 'ann'],
    [RANGE, {}, 'ann'],
    [PUT, put('a/1'), 'ann'],
    [PUT, put('rw1', { prev_kv: true }), 'ann'],
    [PUT, put('rw1', { lease: 77 }), 'ann'],
    [PUT, put('rw1', { lease: 4711 }), 'ann'],
    ['/v3/lease/revoke', { ID: 77 }, 'ann'],
    [DELETE, key('a/', 'a0'), 'ann'],
    [DELETE, { ...key('rw', 'rx'), prev_kv: true }, 'ann'],
    [TXN, { compare: [{ ...key('secret'), target: 'VERSION', version: 1 }], success: [] }, 'ann'],
    [TXN, { success: [{ request_range: key('a/1') }], failure: [{ request_put: put('secret') }] }, 'ann'],
    [TXN, { success: [{ request_range: key('a/1') }, { request_put: put('rw5') }] }, 'ann'],
    [`${AUTH}/user/get`, { name: 'ann' }, 'ann'],
    [`${AUTH}/user/get`, { name: 'root' }, 'ann'],
    [`${AUTH}/role/get`, { role: 'a' }, 'ann'],
    [`${AUTH}/role/get`, { role: 'root' }, 'ann'],
    [`${AUTH}/user/list`, {}, 'ann'],
    [`${AUTH}/user/add`, user('eve'), 'ann'],
    ['/v3/maintenance/defragment', {}, 'ann'],
    ['/v3/maintenance/hash', {}, 'ann'],
  ],
  root: [
    [RANGE, key('\0', '\0'), 'root'],
    [`${AUTH}/user/delete`, { name: 'root' }, 'root'],
    [`${AUTH}/role/delete`, { role: 'root' }, 'root'],
    [`${AUTH}/user/revoke`, { name: 'root', role: 'root' }, 'root'],
    [`${AUTH}/user/revoke`, { name: 'ann', role: 'b' }, 'root'],
    [RANGE, key('tailor'), 'ann'],
    [`${AUTH}/role/delete`, { role: 'a' }, 'root'],
    [`${AUTH}/user/get`, { name: 'ann' }, 'root'],
    [RANGE, key('a/1'), 'ann'],
    [`${AUTH}/user/changepw`, user('ann', 'other'), 'root'],
    [`${AUTH}/authenticate`, user('ann', 'pw')],
    [`${AUTH}/user/delete`, { name: 'ann' }, 'root'],
    [`${AUTH}/disable`, {}, 'root'],
    [`${AUTH}/disable`, {}],
    [RANGE, key('secret')],
  ],
  'locks and elections': [
    ['/v3/lease/grant', { ID: 1, TTL: 600 }],
    ['/v3/lease/grant', { ID: 2, TTL: 600 }],
    ['/v3/lock/lock', { name: b64('door'), lease: 1 }],
    ['/v3/lock/lock', { name: b64('door'), lease: 1 }],
    ['/v3/lock/lock', { name: b64('door'), lease: 4712 }],
    [RANGE, key('door', 'doos')],
    ['/v3/lock/unlock', { key: b64('door/1') }],
    ['/v3/lock/unlock', { key: b64('door/1') }],
    ['/v3/lock/lock', { name: b64('door'), lease: 2 }],
    ['/v3/election/leader', { name: b64('king') }],
    ['/v3/election/campaign', { name: b64('king'), lease: 1, value: b64('one') }],
    ['/v3/election/leader', { name: b64('king') }],
    ['/v3/election/campaign', { name: b64('king'), lease: 1, value: b64('again') }],
    ['/v3/election/leader', { name: b64('king') }],
    ['/v3/election/proclaim', { leader: { name: b64('king'), key: b64('king/1'), rev: 1, lease: 1 }, value: b64('no') }],
    ['/v3/election/resign', { leader: { name: b64('king'), key: b64('king/1'), rev: 1, lease: 1 } }],
    ['/v3/election/leader', { name: b64('king') }],
  ],
  maintenance: [
    ['/v3/maintenance/alarm', {}],
    ['/v3/maintenance/alarm', { action: 'ACTIVATE', memberID: '5', alarm: 'NOSPACE' }],
    ['/v3/maintenance/alarm', { action: 'ACTIVATE', memberID: '5', alarm: 'NOSPACE' }],
    ['/v3/maintenance/alarm', { action: 'GET' }],
    [PUT, put('full')],
    [TXN, { success: [{ request_put: put('full') }] }],
    [TXN, { success: [{ request_delete_range: key('nothing') }] }],
    ['/v3/lease/grant', { ID: 3, TTL: 600 }],
    [DELETE, key('nothing')],
    [RANGE, key('nothing')],
    ['/v3/maintenance/alarm', { action: 'DEACTIVATE', memberID: '6', alarm: 'NOSPACE' }],
    ['/v3/maintenance/alarm', { action: 'DEACTIVATE', memberID: '5', alarm: 'NOSPACE' }],
    [PUT, put('full')],
    ['/v3/maintenance/defragment', {}],
    ['/v3/lease/keepalive', { ID: 3 }],
    ['/v3/lease/keepalive', { ID: 4711 }],
  ],
};

interface Outcome {
  readonly status: number;
  readonly body: unknown;
}

(binary ? describe : describe.skip)("etcd's other services answer as Debian's etcd 3.4 does", () => {
  let etcd: RunningEtcd;
  let ours: EtcdHarness;
  const passwords: Record<string, string> = { root: 'pw', ann: 'pw' };

  beforeAll(async () => {
    etcd = await startEtcd(binary!);
    ours = etcdHarness();
    // Administrators of the organisation are root; editors are as good as any client of etcd.
    ours.as('editor');
  });
  afterAll(() => etcd?.stop());

  type Ask = (path: string, init: RequestInit) => Promise<Response>;
  const theirs: Ask = (path, init) => fetch(etcd.url + path, init);
  const own: Ask = (path, init) => ours.request(path, init);

  async function token(ask: Ask, name: string): Promise<string> {
    if (!(name in passwords)) return 'forged.1';
    const body = JSON.stringify({ name, password: passwords[name] });
    return ((await (await ask('/v3/auth/authenticate', { method: 'POST', body })).json()) as { token: string }).token;
  }

  async function run(ask: Ask, steps: readonly Step[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [path, body, as] of steps) {
      const headers: Record<string, string> = as ? { 'grpc-metadata-token': await token(ask, as) } : {};
      const response = await ask(path, { method: 'POST', body: JSON.stringify(body), headers });
      const text = await response.text();
      outcomes.push({ status: response.status, body: comparable(JSON.parse(text.trim().split('\n')[0]!)) });
    }
    return outcomes;
  }

  test.each(Object.entries(SEQUENCES))('%s', async (_, steps) => {
    const expected = await run(theirs, steps);
    const got = await run(own, steps);
    const shown = (outcomes: readonly Outcome[]) => outcomes.map((outcome, n) => ({ step: steps[n], ...outcome }));
    expect(shown(got)).toEqual(shown(expected));
    expect(ours.errors).toEqual([]);
  });

  test('what has other values here has the same fields: the member, the hash after a compaction', async () => {
    const fields = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(fields);
      if (typeof value !== 'object' || value === null) return typeof value;
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fields(each)]));
    };
    const said: unknown[] = [];
    for (const ask of [theirs, own]) {
      const post = async (path: string, body: object = {}) =>
        (await ask(path, { method: 'POST', body: JSON.stringify(body) })).json() as Promise<{
          header: object;
          members?: object[];
        }>;
      for (let n = 0; n < 2; n++) await post(PUT, put('hashed'));
      const { header } = (await post(RANGE, key('hashed'))) as { header: { revision: string } };
      await post('/v3/kv/compaction', { revision: header.revision });
      const { header: ofMembers, members } = await post('/v3/cluster/member/list');
      said.push({
        ofMembers: fields(ofMembers),
        members: members!.length,
        hash: fields(await post('/v3/maintenance/hash')),
        // HashKV's revision has no meaning there.
        ofTheFuture: fields(await post('/v3/maintenance/hash', { revision: 1e9 })),
      });
    }
    expect(said[1]).toEqual(said[0]);
  });

  test('who waits for a lock gets it when it is free', async () => {
    for (const ask of [theirs, own]) {
      const post = (path: string, body: object) => ask(path, { method: 'POST', body: JSON.stringify(body) });
      for (const ID of [11, 12]) await post('/v3/lease/grant', { ID, TTL: 600 });
      await post('/v3/lock/lock', { name: b64('gate'), lease: 11 });
      const second = post('/v3/lock/lock', { name: b64('gate'), lease: 12 });
      await post('/v3/lock/unlock', { key: b64('gate/b') });
      expect(await (await second).json()).toMatchObject({ key: b64('gate/c') });
    }
  });
});
