import { type NftStatement, nftChanges } from '../../core/network/nft/differ.ts';
import { isIntact, partsOf } from '../../core/network/nft/listing.ts';
import type { Ruleset } from '../../core/network/nft/ruleset.ts';
import { nftScript } from '../../core/network/nft/script.ts';
import type { Nft } from './nft.ts';

/** One table of ours in the kernel. Calls must not overlap. All throw NftError. */
export interface NftTable {
  /** Makes the kernel's table so. Returns whether there was anything to do. */
  set(ruleset: Ruleset): Promise<boolean>;
  /** Makes it anew, if it isn't as it was left. Returns whether it wasn't. */
  repair(): Promise<boolean>;
  /** Takes it away, if there is one. */
  remove(): Promise<void>;
}

/** Only differences are sent, as long as the table is known: before the first time, and after a failure, all of it is. */
export function nftTable(nft: Nft, { family, table }: Pick<Ruleset, 'family' | 'table'>): NftTable {
  let wanted: Ruleset | undefined;
  /** What the kernel was given; undefined: what it holds is not known. */
  let held: Ruleset | undefined;
  /** How it showed what it was given, by part; those that changed since are left out. */
  let known = new Map<string, string>();

  async function enforce(ruleset: Ruleset): Promise<boolean> {
    const statements = nftChanges(held, ruleset);
    if (statements.length === 0) return false;
    held = undefined;
    await nft.apply(nftScript(ruleset, statements));
    held = ruleset;
    forget(statements);
    return true;
  }

  function forget(statements: readonly NftStatement[]): void {
    for (const statement of statements) {
      if (statement.op === 'resetTable') known = new Map();
      else known.delete(partOf(statement));
    }
  }

  return {
    async set(ruleset) {
      wanted = ruleset;
      return enforce(ruleset);
    },
    async repair() {
      if (!wanted) return false;
      const listed = partsOf(await nft.list(family, table));
      const intact = held !== undefined && isIntact(listed, held, known);
      if (!intact) {
        held = undefined;
        await enforce(wanted);
      }
      const now = intact ? listed : partsOf(await nft.list(family, table));
      known = new Map(Array.from(now, ([part, { digest }]) => [part, digest]));
      return !intact;
    },
    async remove() {
      wanted = undefined;
      held = undefined;
      known = new Map();
      if ((await nft.list(family, table)) !== undefined) await nft.apply(`delete table ${family} ${table}\n`);
    },
  };
}

function partOf(statement: Exclude<NftStatement, { op: 'resetTable' }>): string {
  switch (statement.op) {
    case 'addRules':
      return `chain ${statement.chain}`;
    case 'addChain':
    case 'flushChain':
    case 'deleteChain':
      return `chain ${statement.name}`;
    case 'addElements':
    case 'deleteElements':
      return `set ${statement.set}`;
    case 'addSet':
    case 'deleteSet':
      return `set ${statement.name}`;
  }
}
