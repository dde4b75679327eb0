import { beforeEach, describe, expect, test } from '@jest/globals';
import { type UpdatesHarness, updatesHarness } from './testing/harness.ts';

let updates: UpdatesHarness;

beforeEach(async () => {
  updates = await updatesHarness();
  await updates.create('UpdatePackage', 'flatcar-2000', {
    application: 'flatcar',
    version: '2000.0.0',
    url: 'https://cdn.example/2000',
    files: [
      { name: 'update.gz', size: 28230159, sha256: '00'.repeat(32), sha1: '11'.repeat(20) },
      { name: 'oem.gz', size: 5, sha256: '22'.repeat(32) },
    ],
  });
  await updates.create('UpdateChannel', 'stable', { application: 'flatcar', packages: { amd64: 'flatcar-2000' } });
  await updates.create('UpdateGroup', 'prod', { application: 'flatcar', channel: 'stable', tracks: ['stable'] });
});

const FLATCAR = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
const app = (machine: string, content: string, more = 'track="stable" board="amd64-usr"', appId = FLATCAR) =>
  `<app appid="${appId}" version="1000.0.0" machineid="${machine}" machinealias="lab" oem="ami" ${more}>${content}</app>`;
const omaha = async (apps: string, path = '/v1/update/') => {
  const response = await updates.send('POST', path, `<request protocol="3.0">${apps}</request>`);
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
};

test('a token that was revoked, or whose cluster is gone, is refused at once, and nothing is written', async () => {
  expect((await omaha(app('a', '<ping/>'))).status).toBe(200);
  updates.revoke();
  const before = await updates.cluster.sync();
  const refused = await omaha(app('b', '<updatecheck/>'));
  expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('terrane token create --kind update')]);
  expect((await updates.cluster.sync()).revision).toBe(before.revision);
  expect(updates.seen).toHaveLength(1);
});

test('who asks too much is told in words, and in a header when to come again', async () => {
  const refused = await updates.app.request('/updates/flood/v1/update/', { method: 'POST', body: '' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7']);
  expect(await refused.text()).toContain('Too many attempts');
});

test('a token that was found to be revoked is refused from then on without a look at the store', async () => {
  updates.revoke();
  expect((await omaha(app('a', '<ping/>'))).status).toBe(401);
  const { length } = updates.opened;
  expect((await omaha(app('a', '<ping/>'))).status).toBe(401);
  expect(updates.opened).toHaveLength(length);
});

test('requests count for the organisation whose token they carry, and others for nobody', async () => {
  await omaha(app('a', '<updatecheck/>'));
  await omaha(app('a', '<updatecheck/>'), '/updates/t/v1/update/');
  expect((await omaha(app('a', '<updatecheck/>'), '/updates/wrong/v1/update/')).status).toBe(401);
  expect(updates.counted).toEqual(['acme updates', 'acme updates']);
});

describe('Omaha', () => {
  test('gives the first host of a careful group its update, and the next one none yet', async () => {
    const first = await omaha(app('a', '<ping/><updatecheck/>'));
    expect(first).toMatchObject({ status: 200, type: 'text/xml; charset=utf-8' });
    expect(first.text).toContain(
      '<updatecheck status="ok"><urls><url codebase="https://cdn.example/2000/"/></urls><manifest version="2000.0.0">',
    );
    expect(first.text).toContain(`hash_sha256="${Buffer.alloc(32).toString('base64')}"`);
    expect(first.text).toContain(`hash="${Buffer.alloc(20, 0x11).toString('base64')}"`);
    expect(first.text).toContain('<action event="postinstall"');
    expect((await omaha(app('b', '<updatecheck/>'))).text).toContain('<updatecheck status="noupdate"/>');
  });

  test('keeps what the host said of itself', async () => {
    await omaha(app('a', '<ping/>'));
    expect(updates.seen).toEqual([
      expect.objectContaining({
        application: 'flatcar',
        instance: 'a',
        version: '1000.0.0',
        arch: 'amd64',
        alias: 'lab',
        oem: 'ami',
        ip: '192.0.2.1',
      }),
    ]);
  });

  test('keeps no more of that than an item of one unit holds', async () => {
    const long = 'x'.repeat(10_000);
    const talkative = `<app appid="${FLATCAR}" version="1.${long}" machineid="a" machinealias="${long}" oem="${long}" track="prod" board="amd64-usr"><ping/></app>`;
    expect((await omaha(talkative)).status).toBe(200);
    expect(JSON.stringify(updates.seen[0]).length).toBeLessThan(900);
  });

  test('follows an update to its end', async () => {
    await omaha(app('a', '<updatecheck/>'));
    for (const event of ['eventtype="13" eventresult="1"', 'eventtype="14" eventresult="1"', 'eventtype="3" eventresult="1"'])
      expect((await omaha(app('a', `<event ${event}/>`))).text).toContain('<event status="ok"/>');
    expect((await omaha(app('b', '<updatecheck/>'))).text).toContain('noupdate');
    await omaha(app('a', '<event eventtype="3" eventresult="2" previousversion="1000.0.0"/>'));
    updates.clock.at += 3_600_000;
    expect((await omaha(app('b', '<updatecheck/>'))).text).toContain('2000.0.0');
  });

  test("follows an application of one's own, told of by go-omaha and Nebraska's updater, which reboots nothing", async () => {
    await updates.create('UpdatePackage', 'own-2', {
      application: 'io.example.own',
      version: '2.0.0',
      url: 'https://cdn.example/own',
      files: [{ name: 'own.tgz', size: 9, sha256: '33'.repeat(32) }],
    });
    await updates.create('UpdateChannel', 'own', { application: 'io.example.own', packages: { amd64: 'own-2' } });
    await updates.create('UpdateGroup', 'own', { application: 'io.example.own', channel: 'own', tracks: ['own'] });
    // As Go's encoding/xml writes it: no self-closing elements, attributes that are empty.
    const told = (machine: string, content: string) =>
      omaha(
        `<os></os><app appid="io.example.own" version="1.0.0" track="own" cohort="" bootid="" machineid="${machine}">${content}</app>`,
      );
    const check = '<ping active="1"></ping><updatecheck></updatecheck>';
    expect((await told('a', check)).text).toContain('<package name="own.tgz"');
    // 2.1 is Nebraska's updater's own, and says nothing that is kept.
    for (const event of ['13', '14', '2', '800', '3']) {
      const answer = await told('a', `<event eventtype="${event}" eventresult="1"></event>`);
      expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('<event status="ok"/>')]);
    }
    updates.clock.at += 3_600_000;
    expect((await told('b', check)).text).toContain('2.0.0');
  });

  test('answers applications that it does not know, beside one that it does', async () => {
    const { text } = await omaha(app('a', '<updatecheck/>', '', '{other}') + app('a', '<ping/>'));
    expect(text).toContain('<app appid="{other}" status="error-unknownApplication"/>');
    expect(text).toContain(`<app appid="${FLATCAR}" status="ok"><ping status="ok"/></app>`);
  });

  test('takes the architecture from the board', async () => {
    expect((await omaha(app('a', '<updatecheck/>', 'track="stable" board="arm64-usr"'))).text).toContain('noupdate');
  });

  test.each([
    ['<request protocol="3.0">', 400, 'The body is not an Omaha request'],
    ['', 400, 'The body is not an Omaha request'],
    ['\u00ff', 400, 'The body is not an Omaha request'],
    [`<request protocol="3.0">${app('', '<updatecheck/>')}</request>`, 400, 'machineid'],
    [`<request protocol="3.0">${app('a/../b', '<updatecheck/>')}</request>`, 400, 'machineid'],
    ['x'.repeat(65 * 1024), 413, 'at most 65536 bytes'],
  ])('refuses what is wrong in words', async (body, status, words) => {
    const response = await updates.send('POST', '/v1/update/', body);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(words);
  });

  test('wants the update token, in Basic auth or in the path', async () => {
    const body = `<request protocol="3.0">${app('a', '<ping/>')}</request>`;
    expect((await updates.app.request('/updates/t/v1/update/', { method: 'POST', body })).status).toBe(200);
    const refused = await updates.app.request('/v1/update/', { method: 'POST', body });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Basic');
    expect(await refused.text()).toContain('terrane token create --kind update');
    expect((await updates.app.request('/updates/x/v1/update/', { method: 'POST', body })).status).toBe(401);
  });

  test('500 hosts that ask, fetch and reboot as they like never exceed the limit', async () => {
    await updates.create('UpdateGroup', 'wide', {
      application: 'flatcar',
      channel: 'stable',
      policy: { safeMode: false, maxUpdatesPerPeriod: 40, period: '10m' },
    });
    const track = 'track="wide" board="amd64-usr"';
    const left = new Set(Array.from({ length: 500 }, (_, i) => `host-${i}`));
    const grants: number[] = [];
    for (let round = 0; left.size > 0 && round < 40; round++) {
      const asked = await Promise.all(
        [...left].map(async (host) => [host, await omaha(app(host, '<updatecheck/>', track))] as const),
      );
      const given = asked.filter(([, { text }]) => text.includes('manifest')).map(([host]) => host);
      grants.push(given.length);
      expect(given.length).toBeLessThanOrEqual(40);
      await Promise.all(
        given.map((host) => omaha(app(host, '<event eventtype="3" eventresult="2" previousversion="1000.0.0"/>', track))),
      );
      for (const host of given) left.delete(host);
      updates.clock.at += 5 * 60_000;
    }
    expect(left.size).toBe(0);
    // Two rounds are one period.
    for (let i = 1; i < grants.length; i++) expect(grants[i]! + grants[i - 1]!).toBeLessThanOrEqual(40);
  });
});

describe('FleetLock', () => {
  const lock = (call: string, id: string, more: { group?: string; headers?: Record<string, string> } = {}) =>
    updates.send(
      'POST',
      `/v1/${call}`,
      JSON.stringify({ client_params: { id, group: more.group ?? 'prod' } }),
      more.headers ?? { 'fleet-lock-protocol': 'true' },
    );

  test('50 hosts at once: exactly as many hold a slot as there are', async () => {
    await updates.create('UpdateGroup', 'three', { application: 'flatcar', channel: 'stable', reboots: { max: 3 } });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => lock('pre-reboot', `h${i}`, { group: 'three' })));
    const held = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
    expect(held).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(47);
    expect((await lock('steady-state', `h${held[0]}`, { group: 'three' })).status).toBe(200);
    expect((await lock('pre-reboot', 'h99', { group: 'three' })).status).toBe(200);
  });

  test('says why not, in the form of the protocol', async () => {
    await lock('pre-reboot', 'a');
    const refused = await lock('pre-reboot', 'b');
    expect(await refused.json()).toEqual({
      kind: 'failed_lock',
      value: 'the only slot is held: a since 2026-11-25T12:00:00.000Z',
    });
    expect(await (await lock('pre-reboot', 'b', { group: 'none' })).json()).toMatchObject({ kind: 'unknown_group' });
    expect(await (await lock('pre-reboot', 'b', { group: 'a b' })).json()).toMatchObject({ kind: 'invalid_client_identity' });
    expect(await (await lock('pre-reboot', 'b', { headers: {} })).json()).toMatchObject({ kind: 'missing_protocol_header' });
    expect((await updates.send('POST', '/v1/pre-reboot', '{', { 'fleet-lock-protocol': 'true' })).status).toBe(400);
  });
});

describe('locksmith', () => {
  const PATH = '/v2/keys/coreos.com/updateengine/rebootlock';
  const key = `${PATH}/groups/prod/semaphore`;
  type Answer = { node: { key: string; value: string; modifiedIndex: number }; errorCode?: number };
  const read = async () =>
    (await (await updates.send('GET', `${key}?quorum=false&recursive=false&sorted=false`)).json()) as Answer;
  const put = (value: object, index: number) =>
    updates.send('PUT', `${key}?prevIndex=${index}`, new URLSearchParams({ value: JSON.stringify(value) }).toString());

  test('takes and gives back the lock by the three calls that it makes', async () => {
    const created = await updates.send('PUT', `${key}?prevExist=false`, 'value=%7B%7D');
    expect([created.status, await created.json()]).toMatchObject([412, { errorCode: 105 }]);
    const { node } = await read();
    expect(node.key).toBe('/coreos.com/updateengine/rebootlock/groups/prod/semaphore');
    expect(JSON.parse(node.value)).toEqual({ semaphore: 1, max: 1, holders: [] });
    expect((await put({ semaphore: 0, max: 1, holders: ['a'] }, node.modifiedIndex)).status).toBe(200);
    const raced = await put({ semaphore: 0, max: 1, holders: ['b'] }, node.modifiedIndex);
    expect([raced.status, await raced.json()]).toMatchObject([412, { errorCode: 101 }]);
    const taken = await read();
    expect(JSON.parse(taken.node.value)).toEqual({ semaphore: 0, max: 1, holders: ['a'] });
    expect((await put({ semaphore: 1, max: 1, holders: [] }, taken.node.modifiedIndex)).status).toBe(200);
  });

  test('of no group is the one named default', async () => {
    expect((await updates.send('GET', `${PATH}/semaphore`)).status).toBe(404);
    await updates.create('UpdateGroup', 'default', { application: 'flatcar', channel: 'stable' });
    expect((await updates.send('GET', `${PATH}/semaphore`)).status).toBe(200);
  });

  test('shares its slots with FleetLock', async () => {
    const { node } = await read();
    await put({ semaphore: 0, max: 1, holders: ['a'] }, node.modifiedIndex);
    const body = JSON.stringify({ client_params: { id: 'b', group: 'prod' } });
    expect((await updates.send('POST', '/v1/pre-reboot', body, { 'fleet-lock-protocol': 'true' })).status).toBe(409);
  });
});
