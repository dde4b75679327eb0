import { beforeEach, describe, expect, test } from '@jest/globals';
import type { UnitOption } from '../../../core/fleet/unit-file.ts';
import { FleetWorld } from './testing/fleet-world.ts';

const option = (section: string, name: string, value: string): UnitOption => ({ section, name, value });
const EXEC = option('Service', 'ExecStart', '/bin/true');
const fleet = (...pairs: (readonly [string, string])[]) => [
  EXEC,
  ...pairs.map(([name, value]) => option('X-Fleet', name, value)),
];

let world: FleetWorld;
beforeEach(async () => {
  world = await FleetWorld.start(['n1', 'n2']);
});

/** The answer as fleet's clients read it. */
async function refused(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const response = await world.request(method, path, body, headers);
  const { error } = (await response.json()) as { error: { code: number; message: string } };
  expect(error.code).toBe(response.status);
  return `${response.status} ${error.message}`;
}

describe('a unit is refused', () => {
  test.each([
    ['no.type', 'invalid unit type'],
    ['noext', 'must contain "."'],
    ['b ad.service', 'invalid character'],
    ['a@1.mount', 'can be no template'],
    [`${'x'.repeat(260)}.service`, 'maximum length'],
  ])('with the name %s: 400', async (name, why) => {
    const answer = await refused('PUT', `/units/${encodeURIComponent(name)}`, { options: [EXEC] });
    expect(answer).toMatch(/^400 /);
    expect(answer).toContain(why);
  });

  test.each([
    [[['MachineID', 'x'] as const, ['MachineOf', 'b.service'] as const], 'MachineID cannot be used with MachineOf'],
    [[['Global', 'true'] as const, ['MachineOf', 'b.service'] as const], 'Global cannot be used with MachineOf'],
    [[['Conflicts', 'b'] as const, ['Replaces', 'b'] as const], 'Conflicts cannot be used with Replaces'],
    [[['MachineOf', 'b.service'] as const, ['Conflicts', 'b*'] as const], 'unresolvable requirements'],
    [[['Conflicts', '[a'] as const], 'is no pattern'],
  ])('with options that contradict each other: 400 %#', async (pairs, why) => {
    const answer = await refused('PUT', '/units/a.service', { options: fleet(...pairs) });
    expect(answer).toMatch(/^400 /);
    expect(answer).toContain(why);
  });

  test('whose option would be read as several lines: 400', async () => {
    const options = [option('Service', 'ExecStart', '/bin/true\nExecStartPre=/bin/evil')];
    expect(await refused('PUT', '/units/a.service', { options })).toMatch(/^400 an option would be read as something else/);
    const section = [option('Service]\n[Install', 'ExecStart', '/bin/true')];
    expect(await refused('PUT', '/units/a.service', { options: section })).toMatch(/^400 /);
    for (const name of ['[Unit', '#x', ';x', 'ExecStart=/bin/evil']) {
      const odd = [option('Service', name, 'y]')];
      expect(await refused('PUT', '/units/a.service', { options: odd })).toMatch(/begin no name with \[, # or ;, and put no =/);
    }
  });

  test('with a line that systemd can not read: 400', async () => {
    const options = [option('Service', 'ExecStart', 'x'.repeat(3000))];
    expect(await refused('PUT', '/units/a.service', { options })).toContain('line too long');
  });

  test('without options if it is new, or without a state if it is not: 409', async () => {
    expect(await refused('PUT', '/units/a.service', { desiredState: 'launched' })).toMatch(
      /^409 unit does not exist and options field empty/,
    );
    await world.request('PUT', '/units/a.service', { options: [EXEC] });
    expect(await refused('PUT', '/units/a.service', {})).toBe('409 must provide DesiredState to update existing unit');
    expect(await refused('PUT', '/units/a.service', { options: [EXEC] })).toMatch(/^409/);
  });

  test('in a state that there is not, with the ones that there are: 400', async () => {
    await world.request('PUT', '/units/a.service', { options: [EXEC] });
    expect(await refused('PUT', '/units/a.service', { desiredState: 'running' })).toBe(
      '400 invalid desiredState "running": must be one of inactive, loaded, launched',
    );
  });

  test('that is a template and shall run, new or known: 400', async () => {
    expect(await refused('PUT', '/units/a@.service', { options: [EXEC], desiredState: 'launched' })).toMatch(
      /^400 cannot activate template "a@.service": start an instance of it, such as a@1.service/,
    );
    await world.request('PUT', '/units/a@.service', { options: [EXEC] });
    expect(await refused('PUT', '/units/a@.service', { desiredState: 'loaded' })).toMatch(/^400 cannot activate template/);
  });

  test('without a JSON content type: 415; with a body that is none: 400; too large: 413', async () => {
    const body = JSON.stringify({ options: [EXEC] });
    expect(await refused('PUT', '/units/a.service', body, { 'content-type': 'text/plain' })).toMatch(/^415 only acceptable/);
    expect(await refused('PUT', '/units/a.service', '{')).toMatch(/^400 unable to decode body/);
    expect(await refused('PUT', '/units/a.service', '"x"')).toMatch(/^400 unable to decode body/);
    expect(await refused('PUT', '/units/a.service', { options: [{ section: 1, name: 'a', value: 'b' }] })).toBe(
      '400 unable to decode body: options[0].section: expected string, received number',
    );
    expect(await refused('PUT', '/units/a.service', `"${'x'.repeat(1_100_000)}"`)).toMatch(/^413 /);
  });

  test('whose name in the body is another one: 400', async () => {
    expect(await refused('PUT', '/units/a.service', { name: 'b.service', options: [EXEC] })).toMatch(/^400 name in URL/);
  });

  test('from those who may only read: 403, and they may read', async () => {
    world.role = 'editor';
    expect(await refused('PUT', '/units/a.service', { options: [EXEC] })).toMatch(/^403 .*role admin/);
    expect(await refused('DELETE', '/units/a.service')).toMatch(/^403/);
    expect((await world.request('GET', '/units')).status).toBe(200);
  });
});

describe('other answers', () => {
  test('an unknown unit, state or path: 404', async () => {
    expect(await refused('GET', '/units/a.service')).toBe('404 unit does not exist');
    expect(await refused('DELETE', '/units/a.service')).toBe('404 unit does not exist');
    expect(await refused('GET', '/state/a.service')).toMatch(/^404/);
    expect(await refused('GET', '/nothing')).toMatch(/^404/);
  });

  test('other methods: 405, with those that there are', async () => {
    const response = await world.request('POST', '/units/a.service', {});
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, PUT, DELETE']);
    expect(await refused('DELETE', '/units')).toMatch(/^405 only GET supported/);
    expect(await refused('PUT', '/machines', [])).toMatch(/^405 only GET and PATCH supported/);
    expect(await refused('POST', '/state', {})).toMatch(/^405/);
  });

  test('page tokens that were not given out: 400', async () => {
    for (const token of ['x', 'EwBMLg==', 'AAAA', '!!!!'])
      expect(await refused('GET', `/units?nextPageToken=${encodeURIComponent(token)}`)).toMatch(/^400/);
    expect(await refused('GET', '/machines?nextPageToken=a&nextPageToken=b')).toMatch(/^400 too many values/);
  });

  test('an empty collection is an empty object', async () => {
    for (const path of ['/units', '/state']) expect(await (await world.request('GET', path)).json()).toEqual({});
  });

  test('new and changed units are 201, changed states and deletions 204, and each is told for the audit', async () => {
    const put = async (body: unknown) => (await world.request('PUT', '/units/a.service', body)).status;
    expect(await put({ options: [EXEC], desiredState: 'launched' })).toBe(201);
    expect(await put({ desiredState: 'loaded' })).toBe(204);
    expect(await put({ options: [option('Service', 'ExecStart', '/bin/false')] })).toBe(201);
    expect(await (await world.request('GET', '/units/a.service')).json()).toMatchObject({ desiredState: 'inactive' });
    expect((await world.request('DELETE', '/units/a.service')).status).toBe(204);
    expect(world.writes.map(({ verb, name }) => `${verb} ${name}`)).toEqual([
      'create a.service',
      'update a.service',
      'update a.service',
      'delete a.service',
    ]);
  });

  test('the discovery document says where the API is', async () => {
    expect(await (await world.request('GET', '/discovery')).json()).toMatchObject({ servicePath: 'clusters/prod/fleet/v1/' });
    expect(await (await world.raw('GET', '/clusters/prod/v1-alpha/discovery')).json()).toMatchObject({
      servicePath: 'clusters/prod/v1-alpha/',
    });
  });

  test('states can be asked for by machine and by unit', async () => {
    for (const name of ['a.service', 'b.service'])
      await world.request('PUT', `/units/${name}`, { options: [EXEC], desiredState: 'launched' });
    await world.wait(1_000);
    const states = async (query: string) =>
      ((await (await world.request('GET', `/state?${query}`)).json()) as { states?: { name: string }[] }).states?.map(
        ({ name }) => name,
      );
    expect(await states(`machineID=${'2'.repeat(32)}`)).toEqual(['b.service']);
    expect(await states('unitName=a.service')).toEqual(['a.service']);
    expect(await states('unitName=c.service')).toBeUndefined();
  });
});

describe('metadata of machines', () => {
  const id = '1'.repeat(32);
  const patch = (op: string, key: string, value?: unknown) => [
    { op, path: `/${id}/metadata/${key}`, ...(value !== undefined && { value }) },
  ];
  const metadata = async () =>
    ((await (await world.request('GET', '/machines')).json()) as { machines: { metadata: Record<string, string> }[] })
      .machines[0]!.metadata;

  test('is added, replaced and removed, with the value as documented and as fleetd takes it', async () => {
    expect((await world.request('PATCH', '/machines', patch('add', 'disk', 'ssd'))).status).toBe(204);
    expect((await metadata())['disk']).toBe('ssd');
    expect((await world.request('PATCH', '/machines', patch('replace', 'disk', { value: 'hdd' }))).status).toBe(204);
    expect((await metadata())['disk']).toBe('hdd');
    expect((await world.request('PATCH', '/machines', patch('remove', 'disk'))).status).toBe(204);
    expect(await metadata()).not.toHaveProperty('disk');
  });

  test('is refused as a whole if one operation is wrong: 400', async () => {
    const good = patch('add', 'disk', 'ssd');
    for (const [wrong, why] of [
      [patch('move', 'disk', 'x'), 'invalid op'],
      [patch('add', 'disk'), 'require a value'],
      [patch('add', 'disk', 'no spaces'), 'invalid value'],
      [[{ op: 'add', path: '/disk', value: 'x' }], 'path invalid'],
      [[{ op: 'add', path: '/unknown/metadata/disk', value: 'x' }], 'there is no machine unknown'],
      [patch('add', 'terrane.dev~1systemd', 'false'), 'choose another key'],
      [{ op: 'add' }, 'expected a list'],
    ] as const)
      expect(await refused('PATCH', '/machines', Array.isArray(wrong) ? [...good, ...wrong] : wrong)).toContain(why);
    expect(await metadata()).not.toHaveProperty('disk');
  });
});
