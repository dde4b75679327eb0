import { createHash } from 'node:crypto';
import type { Ruleset } from './ruleset.ts';

/** What `nft -j list table` prints (man 5 libnftables-json), as far as it is looked at. */
interface Listing {
  readonly nftables?: readonly Readonly<Record<string, ListedItem>>[];
}
interface ListedItem {
  readonly name?: string;
  readonly chain?: string;
  readonly handle?: number;
  readonly expr?: unknown;
  readonly elem?: readonly unknown[];
}

/** A chain or a set as the kernel shows it. */
export interface ListedPart {
  /** Rules, or elements. */
  readonly count: number;
  /** The same for as long as nobody changes it. */
  readonly digest: string;
}

/** A listed table by `chain NAME` and `set NAME` (maps, too); undefined: there is no such table. Handles, which only number, are left out. */
export function partsOf(listing: unknown): ReadonlyMap<string, ListedPart> {
  const texts = new Map<string, string[]>();
  const add = (part: string, text: string) => {
    const known = texts.get(part);
    if (known) known.push(text);
    else texts.set(part, [text]);
  };
  for (const item of (listing as Listing | undefined)?.nftables ?? []) {
    for (const [kind, { handle: _, name, chain, expr, elem, ...rest }] of Object.entries(item)) {
      if (kind === 'chain') add(`chain ${name}`, JSON.stringify(rest));
      else if (kind === 'rule') add(`chain ${chain}`, JSON.stringify(expr));
      else if (kind === 'set' || kind === 'map') {
        add(`set ${name}`, JSON.stringify(rest));
        // In the order of the kernel's table, which says nothing.
        for (const text of (elem ?? []).map((each) => JSON.stringify(each)).sort()) add(`set ${name}`, text);
      }
    }
  }
  return new Map(
    Array.from(texts, ([part, lines]) => [
      part,
      { count: lines.length - 1, digest: createHash('sha1').update(lines.join('\n')).digest('base64') },
    ]),
  );
}

/**
 * Whether a listed table is what `ruleset` made of it: the same parts, each with as many rules or elements, and each that was seen before
 * as it was seen (`known`, by part). What packets leave in sets doesn't count.
 */
export function isIntact(listed: ReadonlyMap<string, ListedPart>, ruleset: Ruleset, known: ReadonlyMap<string, string>): boolean {
  if (listed.size !== ruleset.chains.size + ruleset.sets.size) return false;
  for (const [name, { rules }] of ruleset.chains) {
    const part = listed.get(`chain ${name}`);
    if (part?.count !== rules.length || differs(known, `chain ${name}`, part)) return false;
  }
  for (const [name, { elements, timeoutSeconds, interval }] of ruleset.sets) {
    const part = listed.get(`set ${name}`);
    if (!part) return false;
    if (timeoutSeconds !== undefined) continue;
    // Blocks that touch are merged by nft.
    if ((!interval && part.count !== elements.size) || differs(known, `set ${name}`, part)) return false;
  }
  return true;
}

function differs(known: ReadonlyMap<string, string>, name: string, { digest }: ListedPart): boolean {
  const before = known.get(name);
  return before !== undefined && before !== digest;
}
