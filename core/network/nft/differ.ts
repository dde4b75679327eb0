import type { NftChain, NftSet, Ruleset } from './ruleset.ts';

/** One change of a table. All of a change are made at once, or none: nft -f is a transaction. */
export type NftStatement =
  /** The table is made anew, empty. */
  | { readonly op: 'resetTable' }
  | { readonly op: 'addSet'; readonly name: string; readonly set: NftSet }
  | { readonly op: 'addChain'; readonly name: string; readonly hook?: string }
  | { readonly op: 'flushChain'; readonly name: string }
  | { readonly op: 'addRules'; readonly chain: string; readonly rules: readonly string[] }
  | { readonly op: 'deleteElements'; readonly set: string; readonly keys: readonly string[] }
  | { readonly op: 'addElements'; readonly set: string; readonly elements: ReadonlyMap<string, string> }
  | { readonly op: 'deleteChain'; readonly name: string }
  | { readonly op: 'deleteSet'; readonly name: string };

/**
 * What makes a table that is as `current` into one that is as `next`; undefined: nothing is known of it, so it is made anew. In an order in
 * which nothing that is deleted is still referred to, and nothing is referred to before it is there.
 */
export function nftChanges(current: Ruleset | undefined, next: Ruleset): NftStatement[] {
  if (!current || !canBecome(current, next)) return [{ op: 'resetTable' }, ...changesFrom(EMPTY, next)];
  return changesFrom(current, next);
}

const EMPTY: Pick<Ruleset, 'sets' | 'chains'> = { sets: new Map(), chains: new Map() };

/** What a set or a base chain is can't be changed, only what is in it. */
function canBecome(current: Ruleset, next: Ruleset): boolean {
  for (const [name, set] of next.sets) {
    const before = current.sets.get(name);
    if (before && declaration(before) !== declaration(set)) return false;
  }
  for (const [name, { hook }] of next.chains) {
    const before = current.chains.get(name);
    if (before && before.hook !== hook) return false;
  }
  return true;
}

const declaration = ({ key, value, timeoutSeconds, interval }: NftSet) => JSON.stringify([key, value, timeoutSeconds, interval]);

function changesFrom(current: Pick<Ruleset, 'sets' | 'chains'>, next: Ruleset): NftStatement[] {
  const made: NftStatement[] = [];
  const filled: NftStatement[] = [];
  const emptied: NftStatement[] = [];
  const dropped: NftStatement[] = [];
  for (const [name, set] of next.sets) {
    if (!current.sets.has(name)) made.push({ op: 'addSet', name, set });
  }
  for (const [name, { hook }] of next.chains) {
    if (!current.chains.has(name)) made.push({ op: 'addChain', name, ...(hook !== undefined && { hook }) });
  }
  for (const [name, chain] of next.chains) {
    const before = current.chains.get(name);
    if (before && sameRules(before, chain)) continue;
    if (before && before.rules.length > 0) filled.push({ op: 'flushChain', name });
    if (chain.rules.length > 0) filled.push({ op: 'addRules', chain: name, rules: chain.rules });
  }
  for (const [name, set] of next.sets) {
    const before = current.sets.get(name)?.elements ?? new Map<string, string>();
    const gone = [...before].filter(([key, value]) => set.elements.get(key) !== value).map(([key]) => key);
    const come = new Map([...set.elements].filter(([key, value]) => before.get(key) !== value));
    if (gone.length > 0) filled.push({ op: 'deleteElements', set: name, keys: gone });
    if (come.size > 0) filled.push({ op: 'addElements', set: name, elements: come });
  }
  for (const [name] of current.chains) {
    if (next.chains.has(name)) continue;
    emptied.push({ op: 'flushChain', name });
    dropped.push({ op: 'deleteChain', name });
  }
  for (const [name, { elements }] of current.sets) {
    if (next.sets.has(name)) continue;
    // They may refer to chains that go, too.
    if (elements.size > 0) emptied.push({ op: 'deleteElements', set: name, keys: [...elements.keys()] });
    dropped.push({ op: 'deleteSet', name });
  }
  return [...made, ...filled, ...emptied, ...dropped];
}

function sameRules(a: NftChain, b: NftChain): boolean {
  return a.rules.length === b.rules.length && a.rules.every((rule, index) => rule === b.rules[index]);
}
