import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decode, encode } from 'dns-packet';
import { type NamesToServe, type RunningDns, startDns } from '../../../agent/dns/start-dns.ts';
import { namedServices } from '../../../agent/dns/cluster-names.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { addressOf, type FakeUpstream, fakeUpstream } from './fake-upstream.ts';

const run = promisify(execFile);

/** The agent's name server on loopback, with two name servers of the outside behind it, as Debian's and Node's clients see it. */

const PODS = 300;
const many = Array.from({ length: PODS }, (_, i) => ({ ip: `127.1.${64 + (i >> 8)}.${i & 255}` }));
const names: NamesToServe = {
  address: '127.0.0.1',
  network: '127.1.0.0/16',
  domain: 'cluster.local',
  skydnsDomains: ['skydns.local'],
  revision: 7,
  services: namedServices([
    {
      namespace: 'shop',
      name: 'web',
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      subsets: [],
    },
    {
      namespace: 'shop',
      name: 'db',
      type: 'ClusterIP',
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
      subsets: [{ ports: [5432], endpoints: [{ ip: '127.1.0.1', hostname: 'db-0' }, { ip: '127.1.0.2' }] }],
    },
    { namespace: 'shop', name: 'crowd', type: 'ClusterIP', ports: [], subsets: [{ ports: [], endpoints: many }] },
    { namespace: 'shop', name: 'mail', type: 'ExternalName', externalName: 'smtp.example.com', ports: [], subsets: [] },
  ]),
};

let dir: string;
let upstream: FakeUpstream;
let second: FakeUpstream;
let dns: RunningDns;
let port: number;
let client: Resolver;
let skydns: Map<string, string>;

beforeAll(async () => {
  dir = mkdtempSync('/tmp/trn-dns-');
  upstream = await fakeUpstream('127.0.0.2');
  second = await fakeUpstream('127.0.0.3', upstream.port);
});
afterAll(async () => {
  await upstream.close();
  await second.close();
  rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  upstream.asked.length = 0;
  second.asked.length = 0;
  upstream.reply = (query) => ({ answers: [addressOf(query.questions![0]!.name, '192.0.2.1')] });
  second.reply = (query) => ({ answers: [addressOf(query.questions![0]!.name, '192.0.2.2')] });
  skydns = new Map();
  dns = await start('nameserver 127.0.0.2\nnameserver 127.0.0.3\n');
  dns.serve(names);
  port = await listeningPort();
  client = new Resolver({ tries: 1, timeout: 15_000 });
  client.setServers([`127.0.0.1:${port}`]);
});
afterEach(() => dns.close());

function start(resolvConf: string): Promise<RunningDns> {
  const path = join(dir, 'resolv.conf');
  writeFileSync(path, resolvConf);
  return startDns({
    kv: { call: async (_, request) => rangeOver(skydns, request as { key: string; rangeEnd: string }) as never },
    log: silentLogger,
    elapsed: () => performance.now(),
    signal: new AbortController().signal,
    port: 0,
    upstreamPort: upstream.port,
    resolvConf: path,
  });
}

function rangeOver(keys: Map<string, string>, { key, rangeEnd }: { key: string; rangeEnd: string }) {
  const found = [...keys].filter(([name]) => (rangeEnd === '' ? name === key : name >= key && name < rangeEnd));
  return {
    revision: 1,
    more: false,
    count: found.length,
    kvs: found.map(([name, value]) => ({ key: name, value: Buffer.from(value), lease: 0n })),
  };
}

function listeningPort(): Promise<number> {
  return eventually('it listens', () => {
    const { listening } = dns.facts();
    if (!listening) throw new Error('it does not');
    return Number(listening.split(':')[1]);
  });
}

async function dig(...args: string[]): Promise<string> {
  const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(port), '+tries=1', '+timeout=15', ...args]);
  return stdout;
}

async function digShort(...args: string[]): Promise<string[]> {
  return (await dig('+short', ...args)).split('\n').filter(Boolean);
}

describe('names of the cluster', () => {
  test("are answered to Debian's client: A, SRV with its address, PTR, TXT", async () => {
    expect(await digShort('web.shop.svc.cluster.local')).toEqual(['10.96.0.7']);
    const srv = await dig('_http._tcp.web.shop.svc.cluster.local', 'SRV');
    expect(srv).toMatch(
      /_http\._tcp\.web\.shop\.svc\.cluster\.local\.\s+5\s+IN\s+SRV\s+0 100 80 web\.shop\.svc\.cluster\.local\./,
    );
    expect(srv).toMatch(/ADDITIONAL SECTION:\nweb\.shop\.svc\.cluster\.local\. 5\s+IN\s+A\s+10\.96\.0\.7/);
    expect(await digShort('-x', '10.96.0.7')).toEqual(['web.shop.svc.cluster.local.']);
    expect(await digShort('dns-version.cluster.local', 'TXT')).toEqual(['"1.1.0"']);
    expect(await digShort('127-1-2-3.shop.pod.cluster.local')).toEqual(['127.1.2.3']);
  });

  test("are answered to Node's client, and to nslookup", async () => {
    expect(await client.resolve4('web.shop.svc.cluster.local', { ttl: true })).toEqual([{ address: '10.96.0.7', ttl: 5 }]);
    expect(await client.resolveSrv('_sql._tcp.db.shop.svc.cluster.local')).toContainEqual({
      name: 'db-0.db.shop.svc.cluster.local',
      port: 5432,
      priority: 0,
      weight: 100,
    });
    expect(await client.reverse('127.1.0.1')).toEqual(['db-0.db.shop.svc.cluster.local']);
    const { stdout } = await run('nslookup', [`-port=${port}`, 'web.shop.svc.cluster.local', '127.0.0.1']);
    expect(stdout).toContain('Address: 10.96.0.7');
  });

  test('that have no address of the wanted kind are there all the same; those that do not exist are said not to', async () => {
    const none = await dig('web.shop.svc.cluster.local', 'AAAA');
    expect(none).toContain('status: NOERROR');
    expect(none).toContain('ANSWER: 0, AUTHORITY: 1');
    const missing = await dig('nothing.shop.svc.cluster.local');
    expect(missing).toContain('status: NXDOMAIN');
    expect(missing).toMatch(/cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. 7 /);
    expect(upstream.asked).toEqual([]);
  });

  test('come back in the very letters that were asked', async () => {
    expect(await dig('WeB.shop.SVC.cluster.LOCAL')).toMatch(/^WeB\.shop\.SVC\.cluster\.LOCAL\.\s+5\s+IN\s+A\s+10\.96\.0\.7/m);
  });

  test('change their order from answer to answer', async () => {
    const firsts = new Set<string>();
    for (let i = 0; i < 4; i++) firsts.add((await client.resolve4('db.shop.svc.cluster.local'))[0]!);
    expect([...firsts].sort()).toEqual(['127.1.0.1', '127.1.0.2']);
  });

  test('with many addresses are cut by UDP, and whole by TCP, where clients go by themselves', async () => {
    expect(await dig('+ignore', '+noedns', 'crowd.shop.svc.cluster.local')).toContain('flags: qr aa tc rd ra');
    expect(await digShort('crowd.shop.svc.cluster.local')).toHaveLength(PODS);
    expect(await client.resolve4('crowd.shop.svc.cluster.local')).toHaveLength(PODS);
  });

  test('change with the assignment, and are gone when the host leaves', async () => {
    dns.serve({ ...names, services: [] });
    expect(await dig('web.shop.svc.cluster.local')).toContain('status: NXDOMAIN');
    dns.serve(undefined);
    await eventually('it has stopped', () => expect(dns.facts().listening).toBeUndefined());
    await expect(dig('web.shop.svc.cluster.local')).rejects.toThrow();
  });
});

describe('names elsewhere', () => {
  test("are asked of the host's name servers, once for as long as the answer holds", async () => {
    for (let i = 0; i < 3; i++) expect(await digShort('www.example.com')).toEqual(['192.0.2.1']);
    expect(await digShort('WWW.example.com')).toEqual(['192.0.2.1']);
    expect(upstream.asked).toEqual(['udp A www.example.com']);
    expect(second.asked).toEqual([]);
    expect(await dig('wWw.example.com')).toMatch(/^;wWw\.example\.com\.\s+IN\s+A/m);
  });

  test('are asked of the next one when one is silent, which is then asked last', async () => {
    upstream.reply = () => undefined;
    expect(await digShort('a.example.com')).toEqual(['192.0.2.2']);
    expect(await digShort('b.example.com')).toEqual(['192.0.2.2']);
    expect(upstream.asked).toEqual(['udp A a.example.com']);
  });

  test('are asked of the next one when one can not say', async () => {
    upstream.reply = () => ({ flags: 0x0182 });
    expect(await digShort('www.example.com')).toEqual(['192.0.2.2']);
  });

  test('that nobody knows about are no failure of ours, nor asked twice', async () => {
    upstream.reply = () => ({
      flags: 0x0183,
      authorities: [{ type: 'SOA', name: 'com', ttl: 60, data: { mname: 'a', rname: 'b', minimum: 60 } }],
    });
    for (let i = 0; i < 2; i++) expect(await dig('gone.example.com')).toContain('status: NXDOMAIN');
    expect([...upstream.asked, ...second.asked]).toEqual(['udp A gone.example.com']);
  });

  test('can not be known while all are silent', async () => {
    upstream.reply = second.reply = () => undefined;
    expect(await dig('www.example.com')).toContain('status: SERVFAIL');
    expect(await digShort('web.shop.svc.cluster.local')).toEqual(['10.96.0.7']);
  });

  test('with an answer too long for UDP are asked by TCP, when the client comes by TCP', async () => {
    upstream.reply = (query, transport) => {
      const { name } = query.questions![0]!;
      return transport === 'udp' ? { flags: 0x0380 } : { answers: many.slice(0, 100).map(({ ip }) => addressOf(name, ip)) };
    };
    expect(await digShort('long.example.com')).toHaveLength(100);
    expect(upstream.asked).toEqual(['udp A long.example.com', 'tcp A long.example.com']);
  });

  test('are asked of the name servers that the cluster chose, if it did', async () => {
    dns.serve({ ...names, upstreams: ['127.0.0.3'] });
    expect(await digShort('www.example.com')).toEqual(['192.0.2.2']);
    expect(upstream.asked).toEqual([]);
  });

  test('that one of ours stands for are looked up along with it', async () => {
    expect(await digShort('mail.shop.svc.cluster.local')).toEqual(['smtp.example.com.', '192.0.2.1']);
  });

  test('of any type come back as they are', async () => {
    upstream.reply = (query) => ({
      answers: [{ type: 'MX', name: query.questions![0]!.name, ttl: 9, data: { preference: 5, exchange: 'mx.example.com' } }],
    });
    expect(await client.resolveMx('example.com')).toEqual([{ priority: 5, exchange: 'mx.example.com' }]);
  });

  test('are asked once while the answer is on its way, so that a server that asks us in turn makes no storm', async () => {
    let inTurn: Promise<string> | undefined;
    upstream.reply = () => {
      inTurn ??= dig('circle.example.com').catch(() => 'no answer');
      return undefined;
    };
    expect(await digShort('circle.example.com')).toEqual(['192.0.2.2']);
    expect(await inTurn).toContain('192.0.2.2');
    expect(upstream.asked).toHaveLength(1);
  });
});

test("keys below /skydns are names, read from the host's copy at each question", async () => {
  expect(await dig('rails.east.skydns.local')).toContain('status: NXDOMAIN');
  skydns.set('/skydns/local/skydns/east/rails', '{"host":"10.9.8.7","port":8080,"priority":3}');
  expect(await digShort('rails.east.skydns.local')).toEqual(['10.9.8.7']);
  expect(await digShort('east.skydns.local', 'SRV')).toEqual(['3 100 8080 rails.east.skydns.local.']);
  expect(await digShort('*.skydns.local')).toEqual(['10.9.8.7']);
});

describe('who may ask', () => {
  async function askFrom(source: string): Promise<boolean> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, source, resolve));
    const answered = new Promise<boolean>((resolve) => socket.once('message', () => resolve(true)));
    socket.send(
      encode({ type: 'query', id: 1, questions: [{ name: 'web.shop.svc.cluster.local', type: 'A' }] }),
      port,
      '127.0.0.1',
    );
    // What was sent before is handled before: once this is answered, the other would have been.
    await dig('web.shop.svc.cluster.local');
    const result = await Promise.race([answered, Promise.resolve(false)]);
    socket.close();
    return result;
  }

  test('is a container of the cluster, or the host itself; nobody else, by UDP or TCP', async () => {
    expect(await askFrom('127.1.4.5')).toBe(true);
    expect(await askFrom('127.0.0.1')).toBe(true);
    expect(await askFrom('127.2.0.9')).toBe(false);
    const closed = await new Promise((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port, localAddress: '127.2.0.9' });
      socket.on('data', () => resolve('answered'));
      socket.on('close', () => resolve('closed'));
      socket.on('error', () => undefined);
    });
    expect(closed).toBe('closed');
  });

  test('is never asked again by the name servers of the outside: our own address is none of them', async () => {
    await dns.close();
    dns = await start('nameserver 127.0.0.1\n');
    dns.serve(names);
    port = await listeningPort();
    expect(dns.facts().upstreams).toEqual([]);
    expect(await dig('www.example.com')).toContain('status: SERVFAIL');
  });
});

test('a connection may ask many things at once, and what is no question ends it', async () => {
  const socket = createConnection({ host: '127.0.0.1', port });
  const replies: Buffer[] = [];
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('data', (bytes) => replies.push(bytes));
  const message = encode({ type: 'query', id: 5, questions: [{ name: 'web.shop.svc.cluster.local', type: 'A' }] });
  const framed = Buffer.concat([Buffer.of(0, message.length), message]);
  socket.write(framed.subarray(0, 7));
  socket.write(Buffer.concat([framed.subarray(7), framed, framed]));
  await eventually('all three are answered', () => {
    const all = Buffer.concat(replies);
    const length = 2 + all.readUInt16BE(0);
    expect(all.length).toBe(length * 3);
    expect(decode(all.subarray(2, length)).answers).toHaveLength(1);
  });
  socket.write(Buffer.of(0, 3, 1, 2, 3));
  await closed;
});
