import { decode } from 'dns-packet';
import { addressData, isWireName, normalName } from '../../core/network/dns/names.ts';
import { failed, type DnsQuestion, type RecordData, type ResourceRecord } from '../../core/network/dns/record.ts';
import { type OtherAnswer, resolve } from '../../core/network/dns/resolve.ts';
import type { Zone } from '../../core/network/dns/zone.ts';
import { encodeAnswer, encodeBadVersion, encodeRefusal, payloadMaxOf } from './encode-answer.ts';
import type { Transport } from './exchange.ts';
import type { Forwarder } from './forwarder.ts';
import { type Query, readQuery } from './query.ts';
import { NXDOMAIN } from './reply.ts';

/** Kubernetes' own, of its cluster names, seconds. */
const TTL = 5;

export interface AnswererOptions {
  readonly zones: () => readonly Zone[];
  readonly serial: () => number;
  readonly forwarder: Forwarder;
}

export interface Answerer {
  /** From a message to the message that answers it; undefined: to that nothing is said. Never rejects. */
  readonly answer: (message: Buffer, transport: Transport) => Promise<Buffer | undefined>;
  facts(): { readonly questions: number; readonly malformed: number };
}

export function answerer({ zones, serial, forwarder }: AnswererOptions): Answerer {
  const counts = { questions: 0, malformed: 0 };
  let turn = 0;

  const ask = async (question: DnsQuestion): Promise<OtherAnswer> => {
    const query = queryFor(question);
    if (!query) return { rcode: 'NXDOMAIN', answers: [] };
    const { message, rcode } = await forwarder.ask(query);
    const answers = rcode === 0 || rcode === NXDOMAIN ? recordsIn(message) : [];
    return { rcode: rcode === 0 ? 'NOERROR' : rcode === NXDOMAIN ? 'NXDOMAIN' : 'SERVFAIL', answers };
  };

  async function answerQuery(query: Query, transport: Transport): Promise<Buffer> {
    const lengthMax = transport === 'udp' ? payloadMaxOf(query) : undefined;
    turn = (turn + 1) % 1_000_000;
    const answer = await resolve(query.question, { zones: zones(), ask, turn, ttl: TTL, serial: serial() });
    if (answer) return encodeAnswer(query, answer, lengthMax);
    try {
      return await forwarder.forward(query, transport);
    } catch {
      return encodeAnswer(query, failed('SERVFAIL'), lengthMax);
    }
  }

  return {
    async answer(message, transport) {
      const query = readQuery(message);
      if ('rcode' in query) {
        counts.malformed++;
        return query.rcode && encodeRefusal(query.id, query.rcode);
      }
      counts.questions++;
      if (query.edns && query.edns.version > 0) return encodeBadVersion(query);
      return answerQuery(query, transport);
    },
    facts: () => counts,
  };
}

/** Types that aliases of ours are followed for, as numbers. */
const FOLLOWED: Readonly<Record<string, number>> = { A: 1, AAAA: 28, TXT: 16, SRV: 33 };

function queryFor({ name, type }: DnsQuestion): Query | undefined {
  const number = FOLLOWED[type];
  if (number === undefined || !isWireName(name)) return undefined;
  const labels = name.split('.').filter(Boolean);
  const parts = labels.flatMap((label) => [Buffer.of(Buffer.byteLength(label)), Buffer.from(label)]);
  const asked = Buffer.concat([...parts, Buffer.of(0, 0, number, 0, 1)]);
  return { id: 0, question: { name, type }, recursionDesired: true, edns: EDNS, asked };
}

const EDNS = { payloadMax: 1232, dnssecOk: false, version: 0 };

/** Of the answers, those of kinds that our own can be of. Throws on what can't be read. */
function recordsIn(message: Buffer): ResourceRecord[] {
  return (decode(message).answers ?? []).flatMap((record) => {
    const data = dataOf(record);
    return data && 'ttl' in record ? [{ name: normalName(record.name), ttl: record.ttl ?? 0, data }] : [];
  });
}

function dataOf(record: NonNullable<ReturnType<typeof decode>['answers']>[number]): RecordData | undefined {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return addressData(record.data);
    case 'CNAME':
    case 'PTR':
      return { type: record.type, target: normalName(record.data) };
    case 'TXT':
      return { type: 'TXT', texts: [record.data].flat().map((text) => text.toString()) };
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data;
      return { type: 'SRV', priority, weight, port, target: normalName(target) };
    }
    default:
      return undefined;
  }
}
