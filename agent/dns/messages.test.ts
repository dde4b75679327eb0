import { decode, encode, type Answer, type RecordType } from 'dns-packet';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { DnsAnswer, ResourceRecord } from '../../core/network/dns/record.ts';
import type { Zone } from '../../core/network/dns/zone.ts';
import { answerer } from './answerer.ts';
import { encodeAnswer } from './encode-answer.ts';
import { type Query, readQuery } from './query.ts';
import { readReply, replyFor } from './reply.ts';

function queryMessage(name: string, type: RecordType = 'A', opt?: { size: number }): Buffer {
  const additionals: Answer[] = opt
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: opt.size,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : [];
  return encode({ type: 'query', id: 4711, flags: 0x0100, questions: [{ name, type }], additionals });
}

function queryOf(message: Buffer): Query {
  const query = readQuery(message);
  if ('rcode' in query) throw new Error(`not read: ${query.rcode}`);
  return query;
}

function answerOf(answers: readonly ResourceRecord[], more: Partial<DnsAnswer> = {}): DnsAnswer {
  return { rcode: 'NOERROR', authoritative: true, answers, authority: [], additional: [], ...more };
}

const name = 'web.shop.svc.cluster.local';
const addresses = (count: number): ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => ({ name, ttl: 5, data: { type: 'A', address: `10.244.${i >> 8}.${i & 255}` } }));

describe('an answer', () => {
  test('goes back with the id and the very letters of the question', () => {
    const message = encodeAnswer(queryOf(queryMessage('wEb.SHOP.svc.Cluster.local')), answerOf(addresses(2)));
    const read = decode(message);
    expect(read).toMatchObject({
      id: 4711,
      type: 'response',
      rcode: 'NOERROR',
      flag_aa: true,
      flag_rd: true,
      flag_ra: true,
      flag_tc: false,
    });
    expect(read.questions).toMatchObject([{ name: 'wEb.SHOP.svc.Cluster.local' }]);
    expect(read.answers?.map((answer) => answer.name)).toEqual(['wEb.SHOP.svc.Cluster.local', 'wEb.SHOP.svc.Cluster.local']);
  });

  test('says every kind of record so that another codec reads the same, in less room than without compression', () => {
    const authority: ResourceRecord[] = [
      {
        name: 'cluster.local',
        ttl: 5,
        data: { type: 'SOA', primary: 'ns.dns.cluster.local', mailbox: 'hostmaster.cluster.local', serial: 7, negativeTtl: 5 },
      },
      { name: 'cluster.local', ttl: 5, data: { type: 'NS', target: 'ns.dns.cluster.local' } },
    ];
    const answers: ResourceRecord[] = [
      { name, ttl: 5, data: { type: 'CNAME', target: 'other.shop.svc.cluster.local' } },
      { name: 'other.shop.svc.cluster.local', ttl: 6, data: { type: 'AAAA', address: 'fd00::12:3' } },
      { name: 'other.shop.svc.cluster.local', ttl: 6, data: { type: 'SRV', priority: 1, weight: 2, port: 3, target: 'a.b.c' } },
      { name: 'b.c', ttl: 6, data: { type: 'TXT', texts: ['one', 'two'] } },
      { name: 'b.c', ttl: 6, data: { type: 'PTR', target: 'x.b.c' } },
      { name: 'b.c', ttl: 6, data: { type: 'HINFO', cpu: 'RFC8482', os: '' } },
    ];
    const message = encodeAnswer(queryOf(queryMessage(name)), answerOf(answers, { authority, additional: addresses(1) }));
    const read = decode(message);
    expect(read.answers).toMatchObject([
      { name, type: 'CNAME', ttl: 5, data: 'other.shop.svc.cluster.local' },
      { name: 'other.shop.svc.cluster.local', type: 'AAAA', ttl: 6, data: 'fd00::12:3' },
      { type: 'SRV', data: { priority: 1, weight: 2, port: 3, target: 'a.b.c' } },
      { name: 'b.c', type: 'TXT', data: [Buffer.from('one'), Buffer.from('two')] },
      { type: 'PTR', data: 'x.b.c' },
      { type: 'HINFO', data: { cpu: 'RFC8482', os: '' } },
    ]);
    expect(read.authorities).toMatchObject([
      {
        name: 'cluster.local',
        data: { mname: 'ns.dns.cluster.local', rname: 'hostmaster.cluster.local', serial: 7, minimum: 5 },
      },
      { type: 'NS', data: 'ns.dns.cluster.local' },
    ]);
    expect(read.additionals).toMatchObject([{ name, data: '10.244.0.0' }]);
    expect(message.length).toBeLessThan(encode({ ...read, type: 'response' }).length - 100);
  });

  test.each([
    ['without EDNS', undefined, 512],
    ['as much as the client takes', { size: 800 }, 800],
    ['no more than networks carry unfragmented', { size: 65_535 }, 1232],
    ['no less than everybody takes', { size: 100 }, 512],
  ])('is cut to fit %s, and says so', async (_, edns, limit) => {
    const { answer } = serving(addresses(200));
    const message = (await answer(queryMessage(name, 'A', edns), 'udp'))!;
    const read = decode(message);
    expect(message.length).toBeLessThanOrEqual(limit);
    expect(message.length).toBeGreaterThan(limit - 32);
    expect(read.flag_tc).toBe(true);
    expect(read.answers!.length).toBeGreaterThan(20);
    expect(read.additionals?.filter(({ type }) => type === 'OPT')).toHaveLength(edns ? 1 : 0);
    const whole = decode((await answer(queryMessage(name, 'A', edns), 'tcp'))!);
    expect(whole).toMatchObject({ flag_tc: false });
    expect(whole.answers).toHaveLength(200);
  });

  test('is whole without the additional records that have no room', () => {
    const query = queryOf(queryMessage(name));
    const read = decode(encodeAnswer(query, answerOf(addresses(2), { additional: addresses(100) }), 512));
    expect(read).toMatchObject({ flag_tc: false });
    expect(read.answers).toHaveLength(2);
  });
});

/** An answerer whose one zone has these records at one name, and with nobody outside. */
function serving(records: readonly ResourceRecord[]) {
  const zone: Zone = {
    origin: 'cluster.local',
    covers: (asked) => asked.endsWith('cluster.local'),
    lookup: (asked) => (asked === name ? records.map(({ data }) => data) : undefined),
  };
  const away = () => Promise.reject(new Error('away'));
  const forwarder = { forward: away, ask: away, facts: () => ({ cached: 0, forwarded: 0, unanswered: 0 }) };
  return answerer({ zones: () => [zone], serial: () => 1, forwarder });
}

const rcodeOf = (message: Buffer | undefined) => message && message.readUInt16BE(2) & 15;

describe('what is no proper question', () => {
  const { answer } = serving([]);
  const good = queryMessage(name);
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(good);
    copy.writeUInt16BE(value, at);
    return copy;
  };

  test('is answered with a code, if it can be answered', async () => {
    expect(rcodeOf(await answer(changed(4, 0), 'udp'))).toBe(1);
    expect(rcodeOf(await answer(changed(4, 2), 'udp'))).toBe(1);
    expect(rcodeOf(await answer(good.subarray(0, 20), 'udp'))).toBe(1);
    expect(rcodeOf(await answer(changed(2, 0x2000), 'udp'))).toBe(4);
    expect(rcodeOf(await answer(changed(good.length - 2, 3), 'udp'))).toBe(5);
    expect(rcodeOf(await answer(queryMessage('example.com'), 'udp'))).toBe(2);
  });

  test('gets no answer if it is an answer itself, or too short to be anything', async () => {
    expect(await answer(changed(2, 0x8000), 'udp')).toBeUndefined();
    expect(await answer(good.subarray(0, 11), 'udp')).toBeUndefined();
    expect(await answer(Buffer.alloc(0), 'udp')).toBeUndefined();
  });

  test('a name in the question that points elsewhere, or to itself, is refused', async () => {
    const pointing = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
    expect(rcodeOf(await answer(pointing, 'udp'))).toBe(1);
  });

  test('an EDNS version that does not exist yet is told as such', async () => {
    const message = queryMessage(name, 'A', { size: 1232 });
    message[message.length - 5] = 1;
    const read = decode((await answer(message, 'udp'))!);
    const [opt] = read.additionals ?? [];
    expect(opt).toMatchObject({ type: 'OPT', extendedRcode: 1 });
  });
});

test('no message whatever brings it down, and what it says can always be read', async () => {
  const { answer } = serving(addresses(3));
  const good = queryMessage(name, 'SRV', { size: 1232 });
  const damaged = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const copy = Buffer.from(good);
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  });
  const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, noise), fc.constantFrom('udp' as const, 'tcp' as const), async (message, transport) => {
      const reply = await answer(message, transport);
      if (!reply) return;
      expect(reply.readUInt16BE(0)).toBe(message.readUInt16BE(0));
      expect(decode(reply).type).toBe('response');
    }),
    { numRuns: 2_000 },
  );
});

describe("another server's answer", () => {
  const asked = queryOf(queryMessage('www.Example.com')).asked;
  const reply = (answers: Answer[], more: object = {}) =>
    encode({ type: 'response', id: 99, flags: 0x0180, questions: [{ name: 'www.example.com', type: 'A' }], answers, ...more });
  const a = (ttl: number): Answer => ({ type: 'A', name: 'www.example.com', ttl, data: '192.0.2.7' });
  const opt: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 4096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };

  test('is kept as long as its shortest TTL, at most five minutes', () => {
    expect(readReply(reply([a(60), a(20)]), 99, asked)?.ttl).toBe(20);
    expect(readReply(reply([a(86_400)]), 99, asked)?.ttl).toBe(300);
  });

  test('that there is nothing is kept as long as the SOA says', () => {
    const soa: Answer = { type: 'SOA', name: 'example.com', ttl: 900, data: { mname: 'a.b', rname: 'c.d', minimum: 12 } };
    expect(readReply(reply([], { authorities: [soa] }), 99, asked)?.ttl).toBe(12);
    expect(readReply(reply([]), 99, asked)?.ttl).toBe(0);
  });

  test('is handed on under the id, in the letters and with the age of each client, and with the OPT record of this host', () => {
    const read = readReply(reply([a(60)], { additionals: [opt] }), 99, asked)!;
    const client = queryOf(queryMessage('WWW.example.COM', 'A', { size: 1400 }));
    const handed = decode(replyFor(client, read, 7, 1232));
    expect(handed).toMatchObject({
      id: 4711,
      questions: [{ name: 'WWW.example.COM' }],
      answers: [{ ttl: 53, data: '192.0.2.7' }],
    });
    expect(handed.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
    expect(decode(replyFor(queryOf(queryMessage('www.example.com')), read, 0, 512)).additionals).toEqual([]);
  });

  test('that is too long for a client is cut, and says so', () => {
    const read = readReply(reply(Array.from({ length: 40 }, () => a(60))), 99, asked)!;
    const cut = decode(replyFor(queryOf(queryMessage('www.example.com')), read, 0, 512));
    expect(cut).toMatchObject({ flag_tc: true, answers: [] });
  });

  test.each<[string, Buffer]>([
    ['another id', encode({ type: 'response', id: 98, questions: [{ name: 'www.example.com', type: 'A' }] })],
    ['another question', encode({ type: 'response', id: 99, questions: [{ name: 'www.example.org', type: 'A' }] })],
    ['another type', encode({ type: 'response', id: 99, questions: [{ name: 'www.example.com', type: 'AAAA' }] })],
    ['a question', encode({ type: 'query', id: 99, questions: [{ name: 'www.example.com', type: 'A' }] })],
    ['no question', encode({ type: 'response', id: 99 })],
    ['nothing', Buffer.alloc(0)],
  ])('with %s is none', (_, message) => {
    expect(readReply(message, 99, asked)).toBeUndefined();
  });

  test('no message whatever brings its reading down', () => {
    const good = reply([a(60), a(61)], { additionals: [opt] });
    const damaged = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const copy = Buffer.from(good);
      for (const [at, value] of changes) copy[at] = value;
      return copy;
    });
    const cut = fc.nat(good.length).map((length) => good.subarray(0, length));
    const client = queryOf(queryMessage('www.example.com'));
    fc.assert(
      fc.property(fc.oneof(damaged, cut), (message) => {
        const read = readReply(message, 99, asked);
        if (read) replyFor(client, read, 3, 512);
      }),
      { numRuns: 2_000 },
    );
  });
});
