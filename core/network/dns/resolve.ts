import { isWithin } from './names.ts';
import type { DnsAnswer, DnsQuestion, NamedData, ResourceRecord, ResponseCode } from './record.ts';
import { failed } from './record.ts';
import type { Zone } from './zone.ts';

/** A name elsewhere, that one of ours is an alias of. */
export interface OtherAnswer {
  readonly rcode: ResponseCode;
  readonly answers: readonly ResourceRecord[];
}

export interface ResolveOptions {
  /** The one with the longest origin answers, but for single names elsewhere that one claims. */
  readonly zones: readonly Zone[];
  /** Asks the name servers of the outside. */
  readonly ask: (question: DnsQuestion) => Promise<OtherAnswer>;
  /** Counts questions: who comes first moves on with it, so that clients spread over all addresses. */
  readonly turn: number;
  /** Of the zones' records, seconds. */
  readonly ttl: number;
  /** Grows when what the zones say changes. */
  readonly serial: number;
}

/** Aliases of aliases, at most. */
const CHAIN_MAX = 8;
const ADDITIONAL_MAX = 64;

/** The answer to a question about a name in one of the zones; undefined: it is in none of them. */
export async function resolve(question: DnsQuestion, options: ResolveOptions): Promise<DnsAnswer | undefined> {
  const zone = zoneOf(options.zones, question.name);
  if (!zone) return undefined;
  if (question.type === 'AXFR' || question.type === 'IXFR') return failed('REFUSED');
  try {
    return await answerFrom(zone, question, options);
  } catch {
    return failed('SERVFAIL');
  }
}

function zoneOf(zones: readonly Zone[], name: string): Zone | undefined {
  let best: Zone | undefined;
  for (const zone of zones) {
    if (!zone.covers(name)) continue;
    // What a zone claims elsewhere, it claims name by name: that goes before a whole zone of somebody else there.
    if (!isWithin(name, zone.origin)) return zone;
    if (!best || zone.origin.length > best.origin.length) best = zone;
  }
  return best;
}

async function answerFrom(first: Zone, { name, type }: DnsQuestion, options: ResolveOptions): Promise<DnsAnswer> {
  const answers: ResourceRecord[] = [];
  const seen = new Set<string>();
  let zone: Zone | undefined = first;
  let at = name;
  while (seen.size <= CHAIN_MAX && !seen.has(at)) {
    seen.add(at);
    if (!zone) return await askOutside(at, type, answers, options);
    const known = await zone.lookup(at);
    // An alias to nothing: the answer tells how far it went, and that there it ended (RFC 6604).
    if (!known) return { ...nothing('NXDOMAIN', zone, options), answers };
    const owner = at;
    const record = ({ ttl = options.ttl, ...data }: NamedData): ResourceRecord => ({ name: owner, ttl, data });
    const found = at === zone.origin && type === 'SOA' ? [soaOf(zone, options)] : selected(known, type).map(record);
    if (found.length > 0) {
      answers.push(...rotated(found, options.turn));
      const additional = await addressesOf(found, options);
      return { rcode: 'NOERROR', authoritative: true, answers, authority: [], additional };
    }
    const alias: NamedData | undefined = rotated(known.filter(isAlias), options.turn)[0];
    // A name with addresses of its own is no alias, whatever else was put there.
    if (!alias || !isAlias(alias) || known.some(isAddress)) return { ...nothing('NOERROR', zone, options), answers };
    answers.push(record(alias));
    at = alias.target;
    zone = zoneOf(options.zones, at);
  }
  return failed('SERVFAIL');
}

async function askOutside(
  name: string,
  type: string,
  answers: readonly ResourceRecord[],
  { ask }: ResolveOptions,
): Promise<DnsAnswer> {
  const other = await ask({ name, type });
  if (other.rcode !== 'NOERROR' && other.rcode !== 'NXDOMAIN') return failed('SERVFAIL');
  const all = [...answers, ...other.answers];
  return { rcode: other.rcode, authoritative: true, answers: all, authority: [], additional: [] };
}

function selected(known: readonly NamedData[], type: string): NamedData[] {
  // RFC 8482: who asks for everything gets something small.
  if (type === 'ANY') return known.length > 0 ? [{ type: 'HINFO', cpu: 'RFC8482', os: '' }] : [];
  return known.filter((data) => data.type === type);
}

/** There is no such name, or nothing of that type: with the SOA, which says how long that may be remembered (RFC 2308). */
function nothing(rcode: 'NOERROR' | 'NXDOMAIN', zone: Zone, options: ResolveOptions): DnsAnswer {
  return { rcode, authoritative: true, answers: [], authority: [soaOf(zone, options)], additional: [] };
}

function soaOf({ origin }: Zone, { ttl, serial }: ResolveOptions): ResourceRecord {
  const data = { type: 'SOA', primary: `ns.dns.${origin}`, mailbox: `hostmaster.${origin}`, serial, negativeTtl: ttl } as const;
  return { name: origin, ttl, data };
}

/** Where the targets of SRV records are, so that nobody has to ask for that, too. */
async function addressesOf(found: readonly ResourceRecord[], options: ResolveOptions): Promise<ResourceRecord[]> {
  const additional: ResourceRecord[] = [];
  const targets = new Set(found.flatMap(({ data }) => (data.type === 'SRV' ? [data.target] : [])));
  for (const target of targets) {
    const known = await zoneOf(options.zones, target)?.lookup(target);
    for (const { ttl = options.ttl, ...data } of known ?? []) {
      if (additional.length >= ADDITIONAL_MAX) return additional;
      if (isAddress(data)) additional.push({ name: target, ttl, data });
    }
  }
  return additional;
}

type Alias = NamedData & { readonly type: 'CNAME' };
const isAlias = (data: NamedData): data is Alias => data.type === 'CNAME';
const isAddress = (data: NamedData) => data.type === 'A' || data.type === 'AAAA';

function rotated<T>(list: readonly T[], turn: number): readonly T[] {
  const first = list.length < 2 ? 0 : turn % list.length;
  return first === 0 ? list : [...list.slice(first), ...list.slice(0, first)];
}

/** The search list of a pod: short names are of its own namespace. */
export function searchDomains(namespace: string, domain: string): string[] {
  return [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
}
