import type { CompiledSpread, Needed } from './compiled.ts';

/** Rules about work in the same domain, by its counts. */

/** Whether such work as is needed is in the node's domain, or this is the first of its kind. */
export function isMet({ tally, own }: Needed, node: number): boolean {
  if (tally.domainOf[node]! < 0) return false;
  if (tally.at(node) > 0) return true;
  if (own === undefined) return false;
  for (let at = 0; at < own.length; at++) if (own[at]!.total > 0) return false;
  return true;
}

/** Whether one more in the domain keeps it within maxSkew of the emptiest. */
export function keepsEven(spread: CompiledSpread, domain: number): boolean {
  if (domain < 0) return false;
  return spread.tally.counts[domain]! + spread.self - leastOf(spread) <= spread.maxSkew;
}

/**
 * How much the emptiest domain has. There may be as many domains as nodes, and each node asks: as long as nothing is taken away and the one
 * that was the emptiest still has what it had, it still is.
 */
function leastOf(spread: CompiledSpread): number {
  const { tally, domains, minDomains } = spread;
  if (domains.length === 0 || domains.length < minDomains) return 0;
  const { counts } = tally;
  if (spread.removals === tally.removals && counts[spread.leastDomain] === spread.least) return spread.least;
  let leastDomain = domains[0]!;
  for (let at = 1; at < domains.length; at++) if (counts[domains[at]!]! < counts[leastDomain]!) leastDomain = domains[at]!;
  spread.leastDomain = leastDomain;
  spread.least = counts[leastDomain]!;
  spread.removals = tally.removals;
  return spread.least;
}
