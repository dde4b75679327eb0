import { decode } from 'dns-packet';
import { normalName } from '../../core/network/dns/names.ts';
import type { DnsQuestion } from '../../core/network/dns/record.ts';

/** A question as it came over the wire. */
export interface Query {
  readonly id: number;
  readonly question: DnsQuestion;
  readonly recursionDesired: boolean;
  /** EDNS (RFC 6891), if the client speaks it. */
  readonly edns: { readonly payloadMax: number; readonly dnssecOk: boolean; readonly version: number } | undefined;
  /** The question's bytes: name, type, class. They go back as they came, with upper and lower case as the client chose. */
  readonly asked: Buffer;
}

/** Answered with nothing but a code, or, without one, not at all. */
export interface Unanswerable {
  readonly id: number;
  readonly rcode: 'FORMERR' | 'NOTIMP' | 'REFUSED' | undefined;
}

const HEADER = 12;
const NAME_MAX = 255;
const CLASS_IN = 1;
const DOT = 0x2e;

/** Reads a query; never throws. */
export function readQuery(message: Buffer): Query | Unanswerable {
  if (message.length < HEADER) return { id: 0, rcode: undefined };
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  // An answer is never answered: two servers would talk for ever.
  if (flags & 0x8000) return { id, rcode: undefined };
  if ((flags >> 11) & 15) return { id, rcode: 'NOTIMP' };
  const asked = questionBytes(message);
  if (message.readUInt16BE(4) !== 1 || !asked) return { id, rcode: 'FORMERR' };
  if (asked.readUInt16BE(asked.length - 2) !== CLASS_IN) return { id, rcode: 'REFUSED' };
  try {
    const { questions = [], additionals = [] } = decode(message);
    const [first] = questions;
    const opts = additionals.flatMap((record) => (record.type === 'OPT' ? [record] : []));
    if (!first || opts.length > 1) return { id, rcode: 'FORMERR' };
    const [opt] = opts;
    return {
      id,
      question: { name: first.name === '.' ? '' : normalName(first.name), type: first.type },
      recursionDesired: (flags & 0x0100) !== 0,
      edns: opt && { payloadMax: opt.udpPayloadSize, dnssecOk: opt.flag_do, version: opt.ednsVersion },
      asked,
    };
  } catch {
    return { id, rcode: 'FORMERR' };
  }
}

/**
 * The bytes of the first question; undefined: there is none, or its name is no name. It comes first, so that it points nowhere. A label
 * with a dot in it would be taken for two.
 */
export function questionBytes(message: Buffer): Buffer | undefined {
  let at = HEADER;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at - HEADER > NAME_MAX - 1) return undefined;
    if (message.subarray(at + 1, at + 1 + length).includes(DOT)) return undefined;
    at += 1 + length;
    if (length === 0) break;
  }
  return at + 4 > message.length || at - HEADER > NAME_MAX ? undefined : message.subarray(HEADER, at + 4);
}
