import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { Committed, Keyspace, ReadView, TxnView } from '../../core/keyspace/types.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { UpdateToken, UpdateTokenStates } from '../../core/ports/update-tokens.ts';

/** The registry of a token's cluster. The token is looked at with each use, after the newest commits were read: refused, nothing is written. */
export interface GuardedRegistry {
  readonly tenant: string;
  readonly cluster: string;
  sync(): Promise<ReadView>;
  /** The token was looked at. */
  readonly wasGood: boolean;
  /** As Keyspace.transact. */
  transact<T>(evaluate: (txn: TxnView) => T): Promise<Committed<T>>;
}

/** Tokens that were found to be good for nothing. They stay so, and whoever goes on sending one shall cost no look. */
export type RefusedTokens = Set<string>;

const REFUSED_MAX = 10_000;

/** Its calls throw token_revoked. */
export function guardedRegistry(
  token: UpdateToken,
  keyspaces: Keyspaces,
  states: UpdateTokenStates,
  refused: RefusedTokens,
): GuardedRegistry {
  const { tenant, cluster } = token;
  const key = `${tenant}#${token.id}`;
  let wasGood = false;
  const read = async (): Promise<{ registry: Keyspace; view: ReadView }> => {
    const registry = await keyspaces.open(tenant, cluster, 'registry');
    return { registry, view: await registry.sync() };
  };
  const synced = async () => {
    if (refused.has(key)) throw revoked();
    const [found] = await Promise.allSettled([read()]);
    // Before what went wrong: the log of a deleted cluster is gone.
    if (!(await states.isGood(token))) {
      if (refused.size >= REFUSED_MAX) refused.clear();
      refused.add(key);
      throw revoked();
    }
    wasGood = true;
    if (found.status === 'rejected') throw found.reason;
    return found.value;
  };
  return {
    tenant,
    cluster,
    get wasGood() {
      return wasGood;
    },
    sync: async () => (await synced()).view,
    async transact(evaluate) {
      const { registry, view } = await synced();
      // Most checks change nothing, and then the one look at the log's head was enough.
      const result = withoutWriting(view, evaluate);
      return result ? { revision: view.revision, result: result.value } : registry.transact(evaluate);
    },
  };
}

const revoked = () =>
  new TerraneError('token_revoked', 'This update token was revoked, or its cluster was deleted, or an older Terrane made it.', {
    fix: 'Make a new one (terrane token create --kind update) and point the host at the URL that it prints.',
  });

class WouldWrite extends Error {}

/** Undefined: it wants to write. */
function withoutWriting<T>(view: ReadView, evaluate: (txn: TxnView) => T): { readonly value: T } | undefined {
  const refuse = (): never => {
    throw new WouldWrite();
  };
  try {
    const txn: TxnView = {
      revision: view.revision,
      get: (key) => view.get(key),
      range: (from, to) => view.range(from, to),
      put: refuse,
      delete: refuse,
    };
    return { value: evaluate(txn) };
  } catch (error) {
    if (error instanceof WouldWrite) return undefined;
    throw error;
  }
}
