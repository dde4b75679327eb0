import type { UpdateTokenStates } from '../core/ports/update-tokens.ts';
import type { Item } from './log-items.ts';
import { BESIDE, logKeys } from './log-keys.ts';
import type { Table } from './table.ts';

/**
 * Which update tokens are good: each has an item beside the log of its cluster's registry (log-keys.ts), which goes when the token is revoked,
 * and with the log when the cluster is deleted.
 */

/** Part of the tenant that the items of a cluster's tokens are in. */
export const updateTokensPart = (cluster: string): string => `log#${cluster}/registry`;
export const updateTokenKey = (id: string): string => `${BESIDE}${id}`;

/** Reads the token's item each time: for a process that knows its logs' heads and so doesn't look at them. */
export function readUpdateTokens(table: Table): UpdateTokenStates {
  return {
    async isGood({ tenant, cluster, id }) {
      return (await table.get(logKeys(tenant, `${cluster}/registry`).log, updateTokenKey(id))) !== undefined;
    },
  };
}

/** Knows the tokens from the looks at the logs' heads (`onBeside` of openKeyspaces), which whoever asks has made before: no read of its own. */
export function seenUpdateTokens(): UpdateTokenStates & { seen(tenant: string, cluster: string, items: readonly Item[]): void } {
  const good = new Map<string, ReadonlySet<string>>();
  return {
    seen(tenant, cluster, items) {
      good.set(`${tenant}#${cluster}`, new Set(items.map((item) => item['sk']!.S!)));
    },
    async isGood({ tenant, cluster, id }) {
      const tokens = good.get(`${tenant}#${cluster}`);
      if (!tokens) throw new Error('the head of the registry was not looked at');
      return tokens.has(updateTokenKey(id));
    },
  };
}
