import { optRecord } from './encode-answer.ts';
import { type Query, questionBytes } from './query.ts';

/** An answer of another server, taken apart as far as it takes to hand it out again. */
export interface Reply {
  /** Without its OPT record. */
  readonly message: Buffer;
  /** Where TTLs stand in it. */
  readonly ttlOffsets: readonly number[];
  /** How long it may be kept, seconds; 0: not at all. */
  readonly ttl: number;
  readonly rcode: number;
  readonly truncated: boolean;
}

const HEADER = 12;
const TYPE = { soa: 6, opt: 41 };
const NOERROR = 0;
export const NXDOMAIN = 3;
/** However long the zone's owner would have it, seconds. */
const TTL_MAX = 300;
const NEGATIVE_TTL_MAX = 30;

/** Undefined: it is no answer to what was asked. */
export function readReply(message: Buffer, id: number, asked: Buffer): Reply | undefined {
  if (message.length < HEADER || message.readUInt16BE(0) !== id || message.readUInt16BE(4) !== 1) return undefined;
  const flags = message.readUInt16BE(2);
  const question = questionBytes(message);
  if ((flags & 0x8000) === 0 || !question || !isSameQuestion(question, asked)) return undefined;
  const rcode = flags & 15;
  const truncated = (flags & 0x0200) !== 0;
  const plain = { message, ttlOffsets: [], ttl: 0, rcode, truncated };
  const records = readRecords(message, HEADER + question.length);
  if (!records) return truncated ? plain : undefined;
  const answers = message.readUInt16BE(6);
  const [opt] = records.filter(({ type }) => type === TYPE.opt);
  const kept = records.filter(({ type }) => type !== TYPE.opt);
  // One that isn't the last can't be taken out: names after it are pointed to.
  if (opt && opt.end !== message.length) return plain;
  return {
    message: opt ? without(message, opt.start) : message,
    ttlOffsets: kept.map(({ ttlOffset }) => ttlOffset),
    ttl: truncated ? 0 : lifetime(message, kept, answers, rcode),
    rcode,
    truncated,
  };
}

interface RecordSpan {
  readonly type: number;
  readonly start: number;
  readonly end: number;
  readonly ttlOffset: number;
}

function readRecords(message: Buffer, start: number): RecordSpan[] | undefined {
  const count = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  const records: RecordSpan[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const begin = at;
    for (;;) {
      const length = message[at];
      if (length === undefined) return undefined;
      if (length >= 0xc0) {
        at += 2;
        break;
      }
      at += 1 + length;
      if (length === 0) break;
    }
    if (at + 10 > message.length) return undefined;
    const type = message.readUInt16BE(at);
    const end = at + 10 + message.readUInt16BE(at + 8);
    if (end > message.length) return undefined;
    records.push({ type, start: begin, end, ttlOffset: at + 4 });
    at = end;
  }
  return records;
}

/** RFC 2181 5.2, and for what isn't there RFC 2308 5. */
function lifetime(message: Buffer, records: readonly RecordSpan[], answers: number, rcode: number): number {
  const ttlOf = ({ ttlOffset }: RecordSpan) => message.readUInt32BE(ttlOffset);
  if (rcode === NOERROR && answers > 0) return Math.min(TTL_MAX, ...records.map(ttlOf));
  if (rcode !== NOERROR && rcode !== NXDOMAIN) return 0;
  const soa = records.find(({ type }) => type === TYPE.soa);
  if (!soa || soa.end - soa.ttlOffset < 26) return 0;
  return Math.min(NEGATIVE_TTL_MAX, ttlOf(soa), message.readUInt32BE(soa.end - 4));
}

function without(message: Buffer, optStart: number): Buffer {
  const copy = Buffer.from(message.subarray(0, optStart));
  copy.writeUInt16BE(copy.readUInt16BE(10) - 1, 10);
  return copy;
}

function isSameQuestion(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && questionKey(one) === questionKey(other);
}

/** The same for names that differ in upper and lower case only. */
export function questionKey(asked: Buffer): string {
  return asked.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The reply as this client gets it, `age` seconds after it came. What doesn't fit says so: the client comes again by TCP. */
export function replyFor(query: Query, reply: Reply, age: number, lengthMax: number): Buffer {
  const opt = query.edns ? [optRecord(query.edns.dnssecOk)] : [];
  const room = lengthMax - (query.edns ? 11 : 0);
  const fits = reply.message.length <= room;
  const message = Buffer.from(fits ? reply.message : reply.message.subarray(0, HEADER + query.asked.length));
  message.writeUInt16BE(query.id, 0);
  query.asked.copy(message, HEADER);
  if (fits) {
    for (const offset of reply.ttlOffsets) message.writeUInt32BE(Math.max(0, message.readUInt32BE(offset) - age), offset);
    message.writeUInt16BE(message.readUInt16BE(10) + opt.length, 10);
  } else {
    message.writeUInt16BE(message.readUInt16BE(2) | 0x0200, 2);
    for (const offset of [6, 8]) message.writeUInt16BE(0, offset);
    message.writeUInt16BE(opt.length, 10);
  }
  return Buffer.concat([message, ...opt]);
}
