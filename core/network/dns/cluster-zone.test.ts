import { describe, expect, test } from '@jest/globals';
import { clusterZone, type NamedService } from './cluster-zone.ts';
import { resolve } from './resolve.ts';
import type { DnsAnswer } from './record.ts';
import type { Zone } from './zone.ts';

const http = { name: 'http', protocol: 'TCP', port: 80 };

function service(name: string, more: Partial<NamedService> = {}): NamedService {
  return { namespace: 'shop', name, clusterIps: ['10.96.0.7'], ports: [http], endpoints: [], ...more };
}

const zone = clusterZone({
  domain: 'cluster.local',
  server: '10.244.1.1',
  isClusterAddress: (address) => address.startsWith('10.244.') || address.startsWith('10.96.'),
  services: [
    service('web', { ports: [http, { name: 'dns', protocol: 'UDP', port: 53 }, { name: 'dns-tcp', protocol: 'TCP', port: 53 }] }),
    service('plain', { clusterIps: ['10.96.0.8'], ports: [{ protocol: 'TCP', port: 9000 }] }),
    service('db', {
      clusterIps: [],
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
      endpoints: [
        { address: '10.244.1.5', hostname: 'db-0', ports: [{ name: 'sql', protocol: 'TCP', port: 15_432 }] },
        { address: '10.244.2.5', ports: [{ name: 'sql', protocol: 'TCP', port: 15_432 }] },
      ],
    }),
    service('empty', { clusterIps: [], endpoints: [] }),
    service('mail', { clusterIps: [], externalName: 'Smtp.Example.com.', ports: [] }),
    service('alias', { clusterIps: [], externalName: 'web.shop.svc.cluster.local', ports: [] }),
    service('address', { clusterIps: [], externalName: '192.0.2.1', ports: [] }),
    service('loop', { clusterIps: [], externalName: 'loop2.shop.svc.cluster.local', ports: [] }),
    service('loop2', { clusterIps: [], externalName: 'loop.shop.svc.cluster.local', ports: [] }),
    service('lost', { clusterIps: [], externalName: 'gone.shop.svc.cluster.local', ports: [] }),
  ],
});

async function ask(name: string, type = 'A', turn = 0): Promise<DnsAnswer | undefined> {
  const outside = async () => ({
    rcode: 'NOERROR' as const,
    answers: [{ name: 'smtp.example.com', ttl: 60, data: { type: 'A' as const, address: '198.51.100.25' } }],
  });
  return resolve({ name, type }, { zones: [zone], ask: outside, turn, ttl: 5, serial: 42 });
}

const dataOf = (answer: DnsAnswer | undefined) => answer?.answers.map(({ data }) => data);
const there = { rcode: 'NOERROR', authoritative: true };

describe('a service with an address of its own', () => {
  test('has an A record', async () => {
    const answer = await ask('web.shop.svc.cluster.local');
    expect(answer).toMatchObject(there);
    expect(answer?.answers).toEqual([{ name: 'web.shop.svc.cluster.local', ttl: 5, data: { type: 'A', address: '10.96.0.7' } }]);
  });

  test('is there without an AAAA record, too: no client may think that the name does not exist', async () => {
    const answer = await ask('web.shop.svc.cluster.local', 'AAAA');
    expect(answer).toMatchObject({ ...there, answers: [] });
    expect(answer?.authority).toMatchObject([
      { name: 'cluster.local', ttl: 5, data: { type: 'SOA', serial: 42, negativeTtl: 5 } },
    ]);
  });

  test('has an SRV record for each named port, with the address beside it', async () => {
    const answer = await ask('_http._tcp.web.shop.svc.cluster.local', 'SRV');
    expect(dataOf(answer)).toEqual([{ type: 'SRV', priority: 0, weight: 100, port: 80, target: 'web.shop.svc.cluster.local' }]);
    expect(answer?.additional).toMatchObject([{ name: 'web.shop.svc.cluster.local', data: { address: '10.96.0.7' } }]);
    expect(await ask('_http._udp.web.shop.svc.cluster.local', 'SRV')).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  test('has an SRV record for each port number at its own name', async () => {
    const ports = (await ask('web.shop.svc.cluster.local', 'SRV'))?.answers.map(({ data }) => data.type === 'SRV' && data.port);
    expect(ports).toEqual([80, 53]);
    expect(dataOf(await ask('plain.shop.svc.cluster.local', 'SRV'))).toMatchObject([{ port: 9000 }]);
  });

  test('is found by its address', async () => {
    expect(dataOf(await ask('7.0.96.10.in-addr.arpa', 'PTR'))).toEqual([{ type: 'PTR', target: 'web.shop.svc.cluster.local' }]);
  });
});

describe('a headless service', () => {
  test('has the addresses of its endpoints, another one first each time', async () => {
    const first = async (turn: number) => dataOf(await ask('db.shop.svc.cluster.local', 'A', turn))?.[0];
    expect(await first(0)).toEqual({ type: 'A', address: '10.244.1.5' });
    expect(await first(1)).toEqual({ type: 'A', address: '10.244.2.5' });
    expect(dataOf(await ask('db.shop.svc.cluster.local', 'A', 1))).toHaveLength(2);
  });

  test('has each endpoint by its host name, or else by its address', async () => {
    expect(dataOf(await ask('db-0.db.shop.svc.cluster.local'))).toEqual([{ type: 'A', address: '10.244.1.5' }]);
    expect(dataOf(await ask('10-244-2-5.db.shop.svc.cluster.local'))).toEqual([{ type: 'A', address: '10.244.2.5' }]);
    expect(await ask('db-1.db.shop.svc.cluster.local')).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  test("has SRV records that name the endpoints, with the endpoints' ports", async () => {
    const answer = await ask('_sql._tcp.db.shop.svc.cluster.local', 'SRV');
    expect(dataOf(answer)).toEqual([
      { type: 'SRV', priority: 0, weight: 100, port: 15_432, target: 'db-0.db.shop.svc.cluster.local' },
      { type: 'SRV', priority: 0, weight: 100, port: 15_432, target: '10-244-2-5.db.shop.svc.cluster.local' },
    ]);
    expect(answer?.additional).toHaveLength(2);
  });

  test('has its endpoints found by their addresses', async () => {
    expect(dataOf(await ask('5.1.244.10.in-addr.arpa', 'PTR'))).toMatchObject([{ target: 'db-0.db.shop.svc.cluster.local' }]);
  });

  test('is there while nothing is ready', async () => {
    expect(await ask('empty.shop.svc.cluster.local')).toMatchObject({ ...there, answers: [] });
    expect(await ask('_http._tcp.empty.shop.svc.cluster.local', 'SRV')).toMatchObject({ ...there, answers: [] });
  });
});

describe('an ExternalName', () => {
  test('is an alias, and what that means comes with it', async () => {
    const answer = await ask('mail.shop.svc.cluster.local');
    expect(answer?.answers).toMatchObject([
      { name: 'mail.shop.svc.cluster.local', ttl: 5, data: { type: 'CNAME', target: 'smtp.example.com' } },
      { name: 'smtp.example.com', ttl: 60, data: { type: 'A', address: '198.51.100.25' } },
    ]);
  });

  test('of another service is followed here', async () => {
    const answer = await ask('alias.shop.svc.cluster.local');
    expect(dataOf(answer)).toEqual([
      { type: 'CNAME', target: 'web.shop.svc.cluster.local' },
      { type: 'A', address: '10.96.0.7' },
    ]);
  });

  test('that is an address is no alias', async () => {
    expect(await ask('address.shop.svc.cluster.local')).toMatchObject({ ...there, answers: [] });
  });

  test('that leads in a circle, or nowhere, is told as such', async () => {
    expect(await ask('loop.shop.svc.cluster.local')).toMatchObject({ rcode: 'SERVFAIL' });
    const lost = await ask('lost.shop.svc.cluster.local');
    expect(lost).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(dataOf(lost)).toEqual([{ type: 'CNAME', target: 'gone.shop.svc.cluster.local' }]);
  });

  test('is an alias when that is asked for', async () => {
    expect(dataOf(await ask('mail.shop.svc.cluster.local', 'CNAME'))).toEqual([{ type: 'CNAME', target: 'smtp.example.com' }]);
  });
});

describe('the zone', () => {
  test('says which version of the specification it follows', async () => {
    expect(dataOf(await ask('dns-version.cluster.local', 'TXT'))).toEqual([{ type: 'TXT', texts: ['1.1.0'] }]);
  });

  test('has pods by their addresses, if those are ones of the cluster', async () => {
    expect(dataOf(await ask('10-244-3-9.shop.pod.cluster.local'))).toEqual([{ type: 'A', address: '10.244.3.9' }]);
    for (const name of ['192-0-2-1.shop.pod', '10-244-3.shop.pod', 'x.shop.pod', '10-244-3-9.a.b.pod', '10-244-03-9.shop.pod']) {
      expect(await ask(`${name}.cluster.local`)).toMatchObject({ rcode: 'NXDOMAIN' });
    }
  });

  test.each([
    'cluster.local',
    'svc.cluster.local',
    'shop.svc.cluster.local',
    'pod.cluster.local',
    'shop.pod.cluster.local',
    '_tcp.web.shop.svc.cluster.local',
  ])('%s is there, because there are names below it', async (name) => {
    expect(await ask(name)).toMatchObject({ ...there, answers: [] });
  });

  test.each([
    'gone.shop.svc.cluster.local',
    'web.other.svc.cluster.local',
    'kubernetes.default.svc.cluster.local',
    'x.cluster.local',
    '9.9.96.10.in-addr.arpa',
  ])('%s does not exist: it is not passed on to anybody', async (name) => {
    const answer = await ask(name);
    expect(answer).toMatchObject({ rcode: 'NXDOMAIN', authoritative: true, answers: [] });
    expect(answer?.authority).toMatchObject([{ data: { type: 'SOA' } }]);
  });

  test.each(['example.com', 'xcluster.local', 'local', '', '1.2.0.192.in-addr.arpa', '96.10.in-addr.arpa'])(
    '%p is somebody else to say',
    async (name) => {
      expect(await ask(name)).toBeUndefined();
    },
  );

  test("its addresses' names are its own, beside somebody else's zone of the whole block", async () => {
    const other: Zone = {
      origin: '10.in-addr.arpa',
      covers: (name) => name.endsWith('10.in-addr.arpa'),
      lookup: () => undefined,
    };
    for (const zones of [
      [zone, other],
      [other, zone],
    ]) {
      const reverse = (name: string) =>
        resolve({ name, type: 'PTR' }, { zones, ask: () => Promise.reject(new Error('asked')), turn: 0, ttl: 5, serial: 42 });
      expect(dataOf(await reverse('7.0.96.10.in-addr.arpa'))).toEqual([{ type: 'PTR', target: 'web.shop.svc.cluster.local' }]);
      expect((await reverse('9.9.9.10.in-addr.arpa'))?.authority).toMatchObject([{ name: '10.in-addr.arpa' }]);
    }
  });

  test('has a SOA and a name server, and is not handed out as a whole', async () => {
    expect(dataOf(await ask('cluster.local', 'SOA'))).toMatchObject([{ primary: 'ns.dns.cluster.local' }]);
    expect(dataOf(await ask('cluster.local', 'NS'))).toEqual([{ type: 'NS', target: 'ns.dns.cluster.local' }]);
    expect(dataOf(await ask('ns.dns.cluster.local'))).toEqual([{ type: 'A', address: '10.244.1.1' }]);
    expect(await ask('cluster.local', 'AXFR')).toMatchObject({ rcode: 'REFUSED' });
    expect(dataOf(await ask('web.shop.svc.cluster.local', 'ANY'))).toEqual([{ type: 'HINFO', cpu: 'RFC8482', os: '' }]);
  });
});
