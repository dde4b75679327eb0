import { networkOf } from '../../core/accounts/network-of.ts';
import { parseSecret } from '../../core/accounts/token-format.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { UpdateToken } from '../../core/ports/update-tokens.ts';
import { tooMany } from './rate-limits.ts';
import { findSecret } from './secrets.ts';
import type { AccountsContext } from './settings.ts';

/**
 * Whose is this update token? Read once and remembered, since it never changes; whether the token is still good is for the caller to see
 * (core/ports/update-tokens.ts). Throws the 401 errors of the catalogue, and `rate_limited` where too many that are not remembered came
 * from one address: who names unknown ones must not make us read for each.
 */
export async function findUpdateToken(context: AccountsContext, text: string, ip?: string): Promise<UpdateToken> {
  const { store, updateTokenLookUps } = context;
  const { hash } = parseSecret(text, ['update']);
  const token = store.updateTokens.get(hash) ?? (await read());
  if (token.expiresAt <= store.clock.now()) throw new TerraneError('token_expired');
  return token;

  async function read(): Promise<UpdateToken> {
    const network = networkOf(ip);
    const wait = updateTokenLookUps.wait(network, store.clock.now());
    if (wait > 0) throw tooMany('updateTokenPerIp', wait);
    updateTokenLookUps.take(network, store.clock.now());
    const { tenant, cluster, id, expiresAt } = await findSecret(store, text, ['update']);
    if (cluster === undefined || expiresAt === undefined) throw new TerraneError('token_unknown');
    const found = { tenant, cluster, id, expiresAt };
    if (store.updateTokens.size >= REMEMBERED_MAX) store.updateTokens.clear();
    store.updateTokens.set(hash, found);
    return found;
  }
}

const REMEMBERED_MAX = 10_000;
