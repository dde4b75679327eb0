import { describe, expect, test } from '@jest/globals';
import { resolve } from './resolve.ts';
import type { DnsAnswer } from './record.ts';
import { skydnsZone } from './skydns-zone.ts';

type Values = Readonly<Record<string, unknown>>;

/** A store with these keys below /skydns. */
function zoneOver(values: Values, leased: readonly string[] = []) {
  const entries = Object.entries(values).map(([key, value]) => ({
    key: `/skydns/${key}`,
    value: typeof value === 'string' ? value : JSON.stringify(value),
    leased: leased.includes(key),
  }));
  return skydnsZone('skydns.local', async (key, below) =>
    entries.filter((entry) => (below ? entry.key.startsWith(key) : entry.key === key)),
  );
}

async function ask(values: Values, name: string, type = 'A', leased: readonly string[] = []): Promise<DnsAnswer | undefined> {
  const outside = async () => ({
    rcode: 'NOERROR' as const,
    answers: [{ name: 'www.example.com', ttl: 30, data: { type: 'A' as const, address: '198.51.100.9' } }],
  });
  return resolve({ name, type }, { zones: [zoneOver(values, leased)], ask: outside, turn: 0, ttl: 5, serial: 1 });
}

const dataOf = (answer: DnsAnswer | undefined) => answer?.answers.map(({ data }) => data);

const RAILS = {
  'local/skydns/east/production/rails/1': { host: 'service1.example.com', port: 8080 },
  'local/skydns/west/production/rails/2': { host: '10.0.1.22', port: 8081, priority: 20, weight: 30, ttl: 60 },
  'local/skydns/west/production/rails/3': { host: '10.0.1.23', port: 8082, priority: 20, weight: 10 },
  'local/skydns/west/staging/rails/4': { host: '10.0.1.24', port: 8083, text: 'canary' },
};

describe('a key below /skydns', () => {
  test('is the name of its parts the other way round', async () => {
    const answer = await ask(RAILS, '2.rails.production.west.skydns.local');
    expect(answer).toMatchObject({ rcode: 'NOERROR', authoritative: true });
    expect(answer?.answers).toEqual([
      { name: '2.rails.production.west.skydns.local', ttl: 60, data: { type: 'A', address: '10.0.1.22' } },
    ]);
  });

  test('answers for all names above it, too', async () => {
    expect(dataOf(await ask(RAILS, 'west.skydns.local'))).toMatchObject([
      { address: '10.0.1.22' },
      { address: '10.0.1.23' },
      { address: '10.0.1.24' },
    ]);
    expect(dataOf(await ask(RAILS, 'rails.production.west.skydns.local'))).toHaveLength(2);
  });

  test('has an SRV record: priority as given or 10, weight as its share of the priority', async () => {
    const answer = await ask(RAILS, 'west.skydns.local', 'SRV');
    expect(dataOf(answer)).toEqual([
      { type: 'SRV', priority: 20, weight: 75, port: 8081, target: '2.rails.production.west.skydns.local' },
      { type: 'SRV', priority: 20, weight: 25, port: 8082, target: '3.rails.production.west.skydns.local' },
      { type: 'SRV', priority: 10, weight: 100, port: 8083, target: '4.rails.staging.west.skydns.local' },
    ]);
    expect(answer?.additional.map(({ name }) => name)).toHaveLength(3);
    expect(dataOf(await ask(RAILS, 'east.skydns.local', 'SRV'))).toMatchObject([{ target: 'service1.example.com' }]);
  });

  test('lives 300 s unless it says otherwise, and 5 s if it goes with a lease', async () => {
    const key = 'local/skydns/west/production/rails/3';
    const name = '3.rails.production.west.skydns.local';
    expect((await ask(RAILS, name))?.answers[0]?.ttl).toBe(300);
    expect((await ask(RAILS, name, 'A', [key]))?.answers[0]?.ttl).toBe(5);
  });

  test('may hold a name: an alias, followed inside and outside', async () => {
    const values = {
      'local/skydns/www': { host: 'www.example.com' },
      'local/skydns/app': { host: 'web.skydns.local' },
      'local/skydns/web': { host: 'fd00::1' },
      'local/skydns/self': { host: 'self.skydns.local' },
    };
    expect(dataOf(await ask(values, 'www.skydns.local'))).toMatchObject([{ type: 'CNAME' }, { address: '198.51.100.9' }]);
    expect(dataOf(await ask(values, 'app.skydns.local', 'AAAA'))).toEqual([
      { type: 'CNAME', target: 'web.skydns.local' },
      { type: 'AAAA', address: 'fd00::1' },
    ]);
    expect(await ask(values, 'web.skydns.local', 'A')).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(await ask(values, 'self.skydns.local')).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  test('has its text as TXT, in pieces of at most 255 bytes', async () => {
    expect(dataOf(await ask(RAILS, '4.rails.staging.west.skydns.local', 'TXT'))).toEqual([{ type: 'TXT', texts: ['canary'] }]);
    const long = await ask({ 'local/skydns/x': { text: 'é'.repeat(200) } }, 'x.skydns.local', 'TXT');
    const [data] = dataOf(long) ?? [];
    expect(data?.type === 'TXT' && data.texts.map((text) => Buffer.byteLength(text) <= 255)).toEqual([true, true]);
  });

  test('can be asked for with * or any in place of a part', async () => {
    expect(dataOf(await ask(RAILS, 'rails.*.west.skydns.local'))).toHaveLength(3);
    expect(dataOf(await ask(RAILS, 'rails.production.any.skydns.local', 'SRV'))).toHaveLength(3);
    expect(await ask(RAILS, 'rails.*.north.skydns.local')).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  test('that says the same as another counts once', async () => {
    const same = { host: '10.0.0.1', port: 1 };
    expect(dataOf(await ask({ 'local/skydns/a/1': same, 'local/skydns/a/2': same }, 'a.skydns.local', 'SRV'))).toHaveLength(1);
  });

  test('is left out if the ones nearest to the top are of another group', async () => {
    const values = {
      'local/skydns/dom/a': { host: '10.0.0.1', group: 'g1' },
      'local/skydns/dom/b': { host: '10.0.0.2', group: 'g1' },
      'local/skydns/dom/sub/c': { host: '10.0.0.3', group: 'g2' },
      'local/skydns/dom/sub/d': { host: '10.0.0.4' },
    };
    expect(dataOf(await ask(values, 'dom.skydns.local'))).toMatchObject([
      { address: '10.0.0.1' },
      { address: '10.0.0.2' },
      { address: '10.0.0.4' },
    ]);
    expect(dataOf(await ask({ ...values, 'local/skydns/dom/e': { host: '10.0.0.5' } }, 'dom.skydns.local'))).toHaveLength(5);
  });

  test.each([
    '',
    'no JSON',
    '[]',
    '7',
    'null',
    '{}',
    '{"host":7}',
    '{"host":"no name at all..x"}',
    `{"host":"${'x'.repeat(64)}.y"}`,
  ])('that holds %p says nothing, and harms no other', async (value) => {
    const values = { 'local/skydns/a/bad': value, 'local/skydns/a/good': { host: '10.0.0.9' } };
    expect(dataOf(await ask(values, 'a.skydns.local'))).toEqual([{ type: 'A', address: '10.0.0.9' }]);
  });
});

test('a name without a key does not exist, but the zone does', async () => {
  expect(await ask({}, 'x.skydns.local')).toMatchObject({ rcode: 'NXDOMAIN', authority: [{ name: 'skydns.local' }] });
  expect(await ask({}, 'skydns.local')).toMatchObject({ rcode: 'NOERROR', answers: [] });
  expect(await ask(RAILS, 'a/b.skydns.local')).toMatchObject({ rcode: 'NXDOMAIN' });
});

test('while the store can not be read, nobody is told that a name does not exist', async () => {
  const zone = skydnsZone('skydns.local', () => Promise.reject(new Error('away')));
  const options = { zones: [zone], ask: () => Promise.reject(new Error('never')), turn: 0, ttl: 5, serial: 1 };
  expect(await resolve({ name: 'x.skydns.local', type: 'A' }, options)).toMatchObject({ rcode: 'SERVFAIL' });
});
