import { ipv6Bytes } from '../../core/network/dns/names.ts';
import type { DnsAnswer, RecordData, ResourceRecord } from '../../core/network/dns/record.ts';
import type { Query } from './query.ts';

/** What a server without EDNS may send by UDP (RFC 1035 4.2.1), and what goes through any network unfragmented, bytes. */
const PLAIN_MAX = 512;
const PAYLOAD_MAX = 1232;
const MESSAGE_MAX = 65_535;

const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, TXT: 16, AAAA: 28, SRV: 33 } as const;
const OPT = 41;
const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 };
/** Of the SOA records, seconds: nobody copies these zones. */
const SOA_TIMES = { refresh: 7200, retry: 1800, expire: 86_400 };

/** How much the client takes in one datagram. */
export function payloadMaxOf({ edns }: Pick<Query, 'edns'>): number {
  return edns ? Math.min(Math.max(edns.payloadMax, PLAIN_MAX), PAYLOAD_MAX) : PLAIN_MAX;
}

/**
 * An answer as a message (RFC 1035), names compressed. Of what doesn't fit, additional records are left out without a word; if answers
 * don't, as many as do are sent and TC tells the client to come by TCP, where `lengthMax` is undefined.
 */
export function encodeAnswer(query: Query, answer: DnsAnswer, lengthMax: number = MESSAGE_MAX): Buffer {
  const message = new Writer(lengthMax - (query.edns ? OPT_LENGTH : 0));
  message.question(query.asked);
  const counts = { answers: 0, authority: 0, additional: 0 };
  let truncated = false;
  for (const section of ['answers', 'authority', 'additional'] as const) {
    for (const record of truncated ? [] : answer[section]) {
      if (message.record(record)) counts[section]++;
      else if (section !== 'additional') truncated = true;
      if (truncated) break;
    }
  }
  const flags =
    FLAG.response |
    (answer.authoritative ? FLAG.authoritative : 0) |
    (truncated ? FLAG.truncated : 0) |
    (query.recursionDesired ? FLAG.recursionDesired : 0) |
    FLAG.recursionAvailable |
    RCODES[answer.rcode];
  const header = Buffer.alloc(12);
  for (const [index, value] of [
    query.id,
    flags,
    1,
    counts.answers,
    counts.authority,
    counts.additional + (query.edns ? 1 : 0),
  ].entries()) {
    header.writeUInt16BE(value, index * 2);
  }
  return Buffer.concat([header, message.bytes(), ...(query.edns ? [optRecord(query.edns.dnssecOk)] : [])]);
}

/** A message that is nothing but a code: for what couldn't be read as a query. */
export function encodeRefusal(id: number, rcode: keyof typeof RCODES): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAG.response | RCODES[rcode], 2);
  return header;
}

/** The client speaks a later EDNS than there is (RFC 6891 6.1.3). */
export function encodeBadVersion({ id, asked }: Query): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAG.response, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const opt = optRecord(false);
  // BADVERS is 16: its upper bits are in the OPT record.
  opt[5] = 1;
  return Buffer.concat([header, asked, opt]);
}

const OPT_LENGTH = 11;

export function optRecord(dnssecOk: boolean): Buffer {
  const opt = Buffer.alloc(OPT_LENGTH);
  opt.writeUInt16BE(OPT, 1);
  opt.writeUInt16BE(PAYLOAD_MAX, 3);
  if (dnssecOk) opt.writeUInt16BE(0x8000, 7);
  return opt;
}

/** Points further than that can't be expressed (RFC 1035 4.1.4). */
const POINTER_MAX = 0x3fff;

/** The message after its header. Offsets are those of the whole message. */
class Writer {
  readonly #lengthMax: number;
  readonly #parts: Buffer[] = [];
  #length = 12;
  /** Where names that were written stand. */
  readonly #names = new Map<string, number>();

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  question(asked: Buffer): void {
    for (let at = 0; asked[at] !== 0; at += 1 + asked[at]!) {
      const name = labelsFrom(asked, at).toLowerCase();
      if (!this.#names.has(name)) this.#names.set(name, 12 + at);
    }
    this.#append(asked);
  }

  /** False, and nothing was written: there is no room. */
  record({ name, ttl, data }: ResourceRecord): boolean {
    const written: [string, number][] = [];
    const owner = this.#name(name, this.#length, written);
    const fixed = Buffer.alloc(10);
    fixed.writeUInt16BE(TYPES[data.type], 0);
    fixed.writeUInt16BE(1, 2);
    fixed.writeUInt32BE(ttl, 4);
    const body = this.#data(data, this.#length + owner.length + fixed.length, written);
    fixed.writeUInt16BE(body.length, 8);
    if (this.#length + owner.length + fixed.length + body.length > this.#lengthMax) return false;
    for (const [text, at] of written) if (at <= POINTER_MAX) this.#names.set(text, at);
    this.#append(owner, fixed, body);
    return true;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #append(...parts: Buffer[]): void {
    this.#parts.push(...parts);
    for (const part of parts) this.#length += part.length;
  }

  /** A name at that offset: labels, and a pointer to the longest end of it that stands somewhere already. */
  #name(name: string, offset: number, written: [string, number][]): Buffer {
    const parts: Buffer[] = [];
    let at = offset;
    for (let rest = name; rest !== ''; ) {
      const known = this.#names.get(rest);
      if (known !== undefined) return Buffer.concat([...parts, Buffer.from([0xc0 | (known >> 8), known & 0xff])]);
      written.push([rest, at]);
      const label = rest.split('.', 1)[0]!;
      parts.push(text(label));
      at += parts.at(-1)!.length;
      rest = rest.slice(label.length + 1);
    }
    return Buffer.concat([...parts, Buffer.of(0)]);
  }

  #data(data: RecordData, offset: number, written: [string, number][]): Buffer {
    switch (data.type) {
      case 'A':
        return Buffer.from(data.address.split('.').map(Number));
      case 'AAAA':
        return Buffer.from(ipv6Bytes(data.address) ?? new Uint8Array(16));
      case 'CNAME':
      case 'NS':
      case 'PTR':
        return this.#name(data.target, offset, written);
      case 'SRV': {
        const fixed = numbers16(data.priority, data.weight, data.port);
        return Buffer.concat([fixed, ...data.target.split('.').filter(Boolean).map(text), Buffer.of(0)]);
      }
      case 'TXT':
        return Buffer.concat(data.texts.length > 0 ? data.texts.map(text) : [Buffer.of(0)]);
      case 'HINFO':
        return Buffer.concat([text(data.cpu), text(data.os)]);
      case 'SOA': {
        const primary = this.#name(data.primary, offset, written);
        const mailbox = this.#name(data.mailbox, offset + primary.length, written);
        const { refresh, retry, expire } = SOA_TIMES;
        return Buffer.concat([primary, mailbox, numbers32(data.serial >>> 0, refresh, retry, expire, data.negativeTtl)]);
      }
    }
  }
}

/** A label, or a character string: its length and at most 255 bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value).subarray(0, 255);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function labelsFrom(asked: Buffer, start: number): string {
  const labels: string[] = [];
  for (let at = start; asked[at] !== 0; at += 1 + asked[at]!) labels.push(asked.toString('utf8', at + 1, at + 1 + asked[at]!));
  return labels.join('.');
}

function numbers16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

function numbers32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
