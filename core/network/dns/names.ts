/** Domain names as text: RFC 1035 2.3.1, 3.5; RFC 3596 2.5. */

/** Lower case, without the dot at the end. */
export function normalName(text: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** Whether a name can be put on the wire: labels of 1 to 63 bytes, 253 in all. */
export function isWireName(name: string): boolean {
  if (name === '') return true;
  return Buffer.byteLength(name) <= 253 && name.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= 63);
}

/** Whether `name` is `origin` or below it. */
export function isWithin(name: string, origin: string): boolean {
  return origin === '' || name === origin || name.endsWith(`.${origin}`);
}

/** The labels of `name` above `origin`, the first one first; none for the origin itself. */
export function labelsBelow(name: string, origin: string): string[] {
  if (name === origin) return [];
  return (origin === '' ? name : name.slice(0, -origin.length - 1)).split('.');
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** An IPv4 address in dotted decimal, without leading zeros. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** The sixteen bytes of an IPv6 address (RFC 4291 2.2); undefined if it is none. */
export function ipv6Bytes(text: string): Uint8Array | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0 || text.includes(':::') || !text.includes(':')) return undefined;
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  if (!left || !right) return undefined;
  const zeros = 8 - left.length - right.length;
  if (tail === undefined ? zeros !== 0 : zeros < 1) return undefined;
  const groups = [...left, ...Array.from({ length: zeros }, () => 0), ...right];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else if (index === parts.length - 1 && isIpv4(part)) {
      const [a, b, c, d] = part.split('.').map(Number) as [number, number, number, number];
      groups.push((a << 8) | b, (c << 8) | d);
    } else return undefined;
  }
  return groups;
}

export function isIpv6(text: string): boolean {
  return ipv6Bytes(text) !== undefined;
}

/** The record that an address becomes; undefined: it is no address. */
export function addressData(address: string): { readonly type: 'A' | 'AAAA'; readonly address: string } | undefined {
  if (isIpv4(address)) return { type: 'A', address };
  return isIpv6(address) ? { type: 'AAAA', address } : undefined;
}

/** `10.1.2.3` -> `3.2.1.10.in-addr.arpa`; IPv6 by nibbles below ip6.arpa. */
export function reverseName(address: string): string | undefined {
  if (isIpv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const bytes = ipv6Bytes(address);
  if (!bytes) return undefined;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]).reverse();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

/** The IPv4 address that a name below in-addr.arpa asks for; undefined: it is none, or only a part of one. */
export function reversedIpv4(name: string): string | undefined {
  if (!name.endsWith('.in-addr.arpa')) return undefined;
  const address = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
  return isIpv4(address) ? address : undefined;
}

/** `10-1-2-3` -> `10.1.2.3`; undefined: it is no such thing. */
export function dashedIpv4(label: string): string | undefined {
  const address = label.replaceAll('-', '.');
  return /^[\d-]+$/.test(label) && isIpv4(address) ? address : undefined;
}
