/** IPv4 addresses as unsigned 32-bit numbers, and blocks of them (RFC 4632). Text is read strictly: four decimal numbers without leading zeros. */

export interface Cidr {
  /** The first address; its bits beyond the prefix are 0. */
  readonly base: number;
  /** Length in bits, 0 to 32. */
  readonly prefix: number;
}

/** Undefined if the text isn't an address. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Undefined if the text isn't a block, or has bits set beyond its prefix (`10.0.0.1/8`). */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const base = parseAddress(text.slice(0, Math.max(0, slash)));
  const prefixText = text.slice(slash + 1);
  if (base === undefined || !/^(\d|[12]\d|3[0-2])$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  return networkOf(base, prefix).base === base ? { base, prefix } : undefined;
}

export function formatCidr({ base, prefix }: Cidr): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** The block of this length that an address is in. */
export function networkOf(address: number, prefix: number): Cidr {
  const size = sizeOf(prefix);
  return { base: Math.floor(address / size) * size, prefix };
}

/** How many addresses a block of this length has. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

export function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && networkOf(inner.base, outer.prefix).base === outer.base;
}

export function containsAddress(cidr: Cidr, address: number): boolean {
  return contains(cidr, { base: address, prefix: 32 });
}

/** Two blocks overlap only if one contains the other. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a);
}
