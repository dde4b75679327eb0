import { parseSecret } from '../../core/accounts/token-format.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { UpdateToken } from '../../core/ports/update-tokens.ts';
import { findSecret } from './secrets.ts';
import type { AccountsContext } from './settings.ts';

/**
 * Whose is this update token? Read once and remembered, since it never changes; whether the token is still good is for the caller to see
 * (core/ports/update-tokens.ts). Throws the 401 errors of the catalogue.
 */
export async function findUpdateToken({ store }: AccountsContext, text: string): Promise<UpdateToken> {
  const { hash } = parseSecret(text, ['update']);
  const token = store.updateTokens.get(hash) ?? (await read());
  if (token.expiresAt <= store.clock.now()) throw new TerraneError('token_expired');
  return token;

  async function read(): Promise<UpdateToken> {
    const { tenant, cluster, id, expiresAt } = await findSecret(store, text, ['update']);
    if (cluster === undefined || expiresAt === undefined) throw new TerraneError('token_unknown');
    const found = { tenant, cluster, id, expiresAt };
    if (store.updateTokens.size >= REMEMBERED_MAX) store.updateTokens.clear();
    store.updateTokens.set(hash, found);
    return found;
  }
}

const REMEMBERED_MAX = 10_000;
