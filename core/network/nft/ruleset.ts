/** An nftables table as data: what a table of ours shall hold. Rules are nft's own text (man 8 nft). */
export interface Ruleset {
  readonly family: 'ip' | 'bridge';
  readonly table: string;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly chains: ReadonlyMap<string, NftChain>;
}

/** A named set, or with `value` a map. What it is never changes under one name, only its elements do. */
export interface NftSet {
  /** Type of an element, e.g. `ipv4_addr . inet_proto . inet_service`. */
  readonly key: string;
  /** Type of what it maps to, e.g. `verdict`. */
  readonly value?: string;
  /** Its elements are added by packets, and forgotten after so long, seconds. */
  readonly timeoutSeconds?: number;
  /** Elements may be blocks of addresses or ranges. */
  readonly interval?: true;
  /** Element -> what it maps to; '' in a set. */
  readonly elements: ReadonlyMap<string, string>;
}

export interface NftChain {
  /** Where the kernel calls it, e.g. `type nat hook prerouting priority -105`. Undefined: other chains do. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** Names in nft have at most 127 bytes; what is longer ends in `digest`. */
export function nftName(readable: string, digest: (text: string) => string): string {
  return readable.length <= 110 ? readable : `${readable.slice(0, 90)}-${digest(readable).slice(0, 16)}`;
}
