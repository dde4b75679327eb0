import { addressData, isWireName, normalName } from './names.ts';
import type { NamedData } from './record.ts';

/**
 * Service discovery in etcd as SkyDNS and CoreDNS's etcd plugin read it: the key `/skydns/local/skydns/east/rails` with the value
 * `{"host":"10.0.0.1","port":8080}` is `rails.east.skydns.local`, and `east.skydns.local` is everything below that.
 * Sources: https://github.com/skynetservices/skydns/blob/master/README.md, https://coredns.io/plugins/etcd/.
 */
export interface SkydnsRecord {
  readonly key: string;
  /** An address, or a name. */
  readonly host?: string | undefined;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
  /** Seconds. */
  readonly ttl: number;
  readonly text?: string | undefined;
  readonly group?: string | undefined;
}

const SKYDNS_PREFIX = '/skydns';
/** As CoreDNS: of a record that says no other, seconds; and its priority. */
const TTL = 300;
const PRIORITY = 10;
const WEIGHT = 100;
/** A key with a lease can be gone any moment, and is meant to be. */
const LEASED_TTL = 5;
const NUMBER_MAX = 65_535;
const TEXT_MAX = 255;

/** The key of a name: its labels from the last one on. Undefined: no key can be called that. */
export function skydnsPath(labels: readonly string[]): string | undefined {
  if (labels.some((label) => label === '' || label.includes('/'))) return undefined;
  return [SKYDNS_PREFIX, ...[...labels].reverse()].join('/');
}

/** The name of a key, the other way round. */
function skydnsName(key: string): string {
  return normalName(key.slice(SKYDNS_PREFIX.length).split('/').filter(Boolean).reverse().join('.'));
}

export const isWildcard = (label: string) => label === '*' || label === 'any';

/** Whether a key is below a path some of whose segments may be `*` or `any`. */
export function matches(key: string, path: string): boolean {
  const segments = key.split('/');
  return path.split('/').every((wanted, index) => isWildcard(wanted) || segments[index] === wanted);
}

/** Undefined: the value is none that says anything. */
export function parseSkydnsRecord(key: string, value: string, leased: boolean): SkydnsRecord | undefined {
  let content: unknown;
  try {
    content = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return undefined;
  const fields = content as Record<string, unknown>;
  const text = (name: string) => {
    const field = fields[name];
    return typeof field === 'string' && field !== '' ? field : undefined;
  };
  const number = (name: string, max: number) => {
    const field = fields[name];
    return typeof field === 'number' && Number.isInteger(field) && field > 0 ? Math.min(field, max) : undefined;
  };
  const ttl = number('ttl', 86_400) ?? TTL;
  return {
    key,
    host: text('host'),
    port: number('port', NUMBER_MAX) ?? 0,
    priority: number('priority', NUMBER_MAX) ?? PRIORITY,
    weight: number('weight', NUMBER_MAX) ?? WEIGHT,
    ttl: leased ? Math.min(ttl, LEASED_TTL) : ttl,
    text: text('text'),
    group: text('group'),
  };
}

/** What the records found for one name say of it. */
export function skydnsData(found: readonly SkydnsRecord[], name: string): NamedData[] {
  const records = distinct(ofGroup(found));
  const sums = new Map<number, number>();
  for (const { priority, weight } of records) sums.set(priority, (sums.get(priority) ?? 0) + weight);
  return records.flatMap(({ key, host, port, priority, weight, ttl, text }): NamedData[] => {
    const texts: NamedData[] = text === undefined ? [] : [{ type: 'TXT', texts: pieces(text), ttl }];
    if (host === undefined) return texts;
    const address = addressData(host);
    const target = normalName(host);
    const own = skydnsName(key);
    if (!address && (!isWireName(target) || target === '')) return texts;
    if (address && !isWireName(own)) return [{ ...address, ttl }, ...texts];
    // Of a priority's traffic, the share in hundredths, and no less than one.
    const share = Math.max(1, Math.floor((100 * weight) / sums.get(priority)!));
    const srv: NamedData = { type: 'SRV', priority, weight: share, port, target: address ? own : target, ttl };
    if (address) return [{ ...address, ttl }, srv, ...texts];
    // A name that is an alias of itself leads nowhere. In a reverse zone it is whom the address belongs to.
    if (target === name) return texts;
    const type = name.endsWith('.arpa') ? 'PTR' : 'CNAME';
    return [{ type, target, ttl }, srv, ...texts];
  });
}

/**
 * SkyDNS's groups: if the records nearest to the top agree on one group, only its records are meant, and those without one. Otherwise
 * groups don't matter.
 */
function ofGroup(records: readonly SkydnsRecord[]): readonly SkydnsRecord[] {
  const depth = ({ key }: SkydnsRecord) => key.split('/').length;
  const top = Math.min(...records.map(depth));
  const groups = new Set(records.filter((record) => depth(record) === top).map(({ group }) => group));
  const [group] = groups;
  if (groups.size !== 1 || group === undefined) return records;
  return records.filter((record) => record.group === undefined || record.group === group);
}

/** The same thing said by two keys is said once. */
function distinct(records: readonly SkydnsRecord[]): SkydnsRecord[] {
  const seen = new Map<string, SkydnsRecord>();
  for (const record of records) {
    const { host, port, priority, text } = record;
    const what = JSON.stringify([host, port, priority, text]);
    if (!seen.has(what)) seen.set(what, record);
  }
  return [...seen.values()];
}

/** Of at most 255 bytes each, whole characters. */
function pieces(text: string): string[] {
  const parts = [''];
  let length = 0;
  for (const character of text) {
    const bytes = Buffer.byteLength(character);
    if (length + bytes > TEXT_MAX) {
      parts.push('');
      length = 0;
    }
    parts[parts.length - 1] += character;
    length += bytes;
  }
  return parts;
}
