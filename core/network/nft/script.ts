import type { NftStatement } from './differ.ts';
import type { NftSet, Ruleset } from './ruleset.ts';

/** Elements in one line of a script: nft reads long lines slowly. */
const AT_ONCE = 500;

/** The statements as text for `nft -f -`. */
export function nftScript({ family, table }: Pick<Ruleset, 'family' | 'table'>, statements: readonly NftStatement[]): string {
  const at = `${family} ${table}`;
  return statements
    .flatMap((statement) => lines(at, statement))
    .map((line) => `${line}\n`)
    .join('');
}

function lines(at: string, statement: NftStatement): string[] {
  switch (statement.op) {
    case 'resetTable':
      // Deleting what isn't there is an error, adding what is there is none.
      return [`add table ${at}`, `delete table ${at}`, `add table ${at}`];
    case 'addSet':
      return [`add ${statement.set.value ? 'map' : 'set'} ${at} ${statement.name} { ${declared(statement.set)} }`];
    case 'addChain':
      return [`add chain ${at} ${statement.name}${statement.hook === undefined ? '' : ` { ${statement.hook}; policy accept; }`}`];
    case 'flushChain':
      return [`flush chain ${at} ${statement.name}`];
    case 'addRules':
      return statement.rules.map((rule) => `add rule ${at} ${statement.chain} ${rule}`);
    case 'deleteElements':
      return chunks(statement.keys).map((keys) => `delete element ${at} ${statement.set} { ${keys.join(', ')} }`);
    case 'addElements':
      return chunks(Array.from(statement.elements, ([key, value]) => (value === '' ? key : `${key} : ${value}`))).map(
        (elements) => `add element ${at} ${statement.set} { ${elements.join(', ')} }`,
      );
    case 'deleteChain':
      return [`delete chain ${at} ${statement.name}`];
    case 'deleteSet':
      return [`delete set ${at} ${statement.name}`];
  }
}

function declared({ key, value, timeoutSeconds, interval }: NftSet): string {
  const parts = [`type ${key}${value === undefined ? '' : ` : ${value}`};`];
  if (timeoutSeconds !== undefined) parts.push('flags dynamic, timeout;', `timeout ${timeoutSeconds}s;`);
  if (interval) parts.push('flags interval;', 'auto-merge;');
  return parts.join(' ');
}

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) parts.push(items.slice(from, from + AT_ONCE));
  return parts;
}
