import { describe, expect, test } from '@jest/globals';
import { OutcomeUnknownError } from '../../../core/keyspace/errors.ts';
import { b64, etcdHarness, readLines } from './testing/harness.ts';

const key = (text: string) => ({ key: b64(text) });
const put = (text: string) => ({ ...key(text), value: b64('v') });

describe("etcd's JSON gateway", () => {
  test('viewers read, and change nothing', async () => {
    const etcd = etcdHarness();
    await etcd.post('/v3/kv/put', put('a'));
    await etcd.post('/v3/lease/grant', { TTL: 60, ID: 7 });
    etcd.as('viewer');
    const reading: [string, object][] = [
      ['/v3/kv/range', key('a')],
      ['/v3/kv/txn', { success: [{ request_range: key('a') }] }],
      ['/v3/lease/timetolive', { ID: 7 }],
      ['/v3/lease/leases', {}],
      ['/v3/maintenance/status', {}],
    ];
    for (const [path, body] of reading) expect([path, (await etcd.post(path, body)).status]).toEqual([path, 200]);
    const writing: [string, object][] = [
      ['/v3/kv/put', put('a')],
      ['/v3/kv/deleterange', key('a')],
      ['/v3/kv/compaction', { revision: 2 }],
      ['/v3/kv/txn', { failure: [{ request_txn: { failure: [{ request_put: put('a') }] } }] }],
      ['/v3/lease/grant', { TTL: 60 }],
      ['/v3/lease/revoke', { ID: 7 }],
    ];
    const denied = 'etcdserver: permission denied';
    for (const [path, body] of writing)
      expect([path, await etcd.post(path, body)]).toEqual([
        path,
        { status: 403, body: { error: denied, message: denied, code: 7 } },
      ]);
    expect(etcd.keyspace.view().revision).toBe(2);
    etcd.as('editor');
    for (const [path, body] of writing) expect([path, (await etcd.post(path, body)).status]).toEqual([path, 200]);
  });

  test('keep-alives are answered one by one; a lease that is gone has no time left, which is no error', async () => {
    const etcd = etcdHarness();
    await etcd.post('/v3/lease/grant', { TTL: 60, ID: 7 });
    const lines = await etcd.lines('/v3/lease/keepalive', '{"ID":7}{"ID":8}', 2);
    expect(lines).toMatchObject([{ result: { ID: '7', TTL: '60' } }, { result: { ID: '8' } }]);
    expect((lines[1] as { result: object }).result).not.toHaveProperty('TTL');
  });

  test('snapshots are for editors, restoring is for administrators, and both need what they say', async () => {
    const etcd = etcdHarness();
    await etcd.post('/v3/kv/put', put('a'));
    const [line] = await etcd.lines('/v3/maintenance/snapshot', '{}', 1);
    expect(Buffer.from((line as { result: { blob: string } }).result.blob, 'base64').toString('latin1')).toContain(
      'terrane-kv-snapshot 1 1',
    );
    etcd.as('viewer');
    expect((await etcd.post('/v3/maintenance/snapshot', {})).status).toBe(403);
    etcd.as('editor');
    expect((await etcd.post('/restore?sequence=0', {})).status).toBe(403);
    etcd.as('admin');
    for (const [path, body] of [
      ['/restore', ''],
      ['/restore?sequence=-1', ''],
      ['/restore', 'no snapshot'],
    ] as const) {
      const { status, body: answer } = await etcd.post(path, body);
      expect([path, status, answer.code]).toEqual([path, 400, 3]);
    }
    expect((await etcd.post('/restore?sequence=0', '')).body).toEqual({ revision: '3', keys: 0, before: 1 });
    expect(etcd.errors).toEqual([]);
  });

  test('whoever observes an election is told of the leader, and of a refusal by the status', async () => {
    const etcd = etcdHarness();
    await etcd.post('/v3/lease/grant', { TTL: 60, ID: 7 });
    const name = b64('king');
    await etcd.post('/v3/election/campaign', { name, lease: 7, value: b64('me') });
    expect(await etcd.lines('/v3/election/observe', JSON.stringify({ name }), 1)).toMatchObject([
      { result: { kv: { key: b64('king/7'), value: b64('me') } } },
    ]);
    for (const path of ['/v3/watch', '/v3/election/observe', '/v3/lease/keepalive'])
      expect([path, (await etcd.post(path, '{"create_request":7,"name":7,"ID":"x"}')).status]).toEqual([path, 400]);
  });

  test('says what it is like etcd', async () => {
    const etcd = etcdHarness();
    expect(await (await etcd.request('/version')).json()).toEqual({ etcdserver: '3.4.31', etcdcluster: '3.4.0' });
    const { body } = await etcd.post('/v3/maintenance/status', {});
    const { header, leader, version } = body as { header: { member_id: string }; leader: string; version: string };
    expect([leader, version]).toEqual([header.member_id, '3.4.31']);
  });

  test('other paths and methods', async () => {
    const etcd = etcdHarness();
    for (const [method, path, status] of [
      ['GET', '/v3/kv/range', 405],
      ['PUT', '/v3/kv/put', 405],
      ['POST', '/v3/kv/nothing', 404],
      ['POST', '/', 404],
    ] as const)
      expect([path, (await etcd.request(path, { method })).status]).toEqual([path, status]);
  });

  test('bodies that are too large, not UTF-8, or nested without end are refused', async () => {
    const etcd = etcdHarness();
    const refused = async (body: string | Uint8Array<ArrayBuffer>, path = '/v3/kv/put') => {
      const response = await etcd.request(path, { method: 'POST', body });
      return [response.status, ((await response.json()) as { message: string }).message];
    };
    expect(await refused(`{"key":"${'YWFh'.repeat(1_100_000)}"}`)).toEqual([400, 'etcdserver: request is too large']);
    expect(await refused(Uint8Array.from([0x22, 0xff, 0x22]))).toEqual([400, 'the body is not valid UTF-8']);
    const deep = '{"success":[{"request_txn":'.repeat(20_000) + '{}' + '}]}'.repeat(20_000);
    expect(await refused(deep, '/v3/kv/txn')).toEqual([400, 'etcdserver: too many operations in txn request']);
    expect(etcd.errors).toEqual([]);
  });

  test("what only the store knows is a time-out; what is nobody's business is a 500 without details", async () => {
    const etcd = etcdHarness();
    etcd.keyspace.transact = () => Promise.reject(new OutcomeUnknownError(undefined));
    expect(await etcd.post('/v3/kv/put', put('a'))).toMatchObject({
      status: 503,
      body: { code: 14, message: 'etcdserver: request timed out' },
    });
    etcd.keyspace.transact = () => Promise.reject(new Error('secret'));
    const { status, body } = await etcd.post('/v3/kv/put', put('a'));
    expect([status, body.code, JSON.stringify(body).includes('secret')]).toEqual([500, 13, false]);
    expect(etcd.errors).toHaveLength(1);
  });
});

describe('watching', () => {
  const watch = (etcd: ReturnType<typeof etcdHarness>, body: object | string) =>
    etcd.request('/v3/watch', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

  test('what happens next reaches the client, and each revision is one message', async () => {
    const etcd = etcdHarness();
    const response = await watch(etcd, { create_request: { ...key('a'), range_end: b64('z') } });
    const lines = readLines(response, 2);
    await etcd.post('/v3/kv/txn', { success: [{ request_put: put('a') }, { request_put: put('b') }] });
    const [created, changed] = (await lines) as { result: { created?: boolean; events?: object[] } }[];
    expect(created!.result.created).toBe(true);
    expect(changed!.result.events).toHaveLength(2);
    expect(etcd.keyspace.watchers).toBe(0);
  });

  test('progress is told after what has happened, and while nothing happens if asked for', async () => {
    const etcd = etcdHarness({ progressMs: 5 });
    await etcd.post('/v3/kv/put', put('a'));
    const past = { ...key('a'), start_revision: 1, progress_notify: true };
    const body = `${JSON.stringify({ create_request: past })}{"progress_request":{}}`;
    const lines = (await readLines(await watch(etcd, body), 4)) as { result: Record<string, unknown> }[];
    expect(lines.map(({ result }) => [result.watch_id, result.created ?? result.events !== undefined])).toEqual([
      [undefined, true],
      [undefined, true],
      ['-1', false],
      [undefined, false],
    ]);
    expect(lines[3]!.result.header).toMatchObject({ revision: '2' });
  });

  test('the answer ends when no watch is left', async () => {
    const etcd = etcdHarness();
    for (const name of ['a', 'b', 'c']) await etcd.post('/v3/kv/put', put(name));
    await etcd.post('/v3/kv/compaction', { revision: 3 });
    const text = await (await watch(etcd, { create_request: { ...key('a'), start_revision: 2 } })).text();
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { result: object }).result),
    ).toMatchObject([{ created: true }, { canceled: true, compact_revision: '3' }]);
    expect(await (await watch(etcd, '{"cancel_request":{"watch_id":"7"}}')).text()).toBe('');
  });
});
