import { atLeast, lowerRole } from '../../core/accounts/roles.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { PersonPrincipal } from '../../core/ports/identity.ts';
import type { MemberRow } from './records.ts';
import { findSecret, forgetSecret, readSecret, secretProblem } from './secrets.ts';
import type { AccountsContext } from './settings.ts';

/** What a request proved: who it is, and with which secret. */
export interface Authenticated {
  readonly principal: PersonPrincipal;
  readonly secret: { readonly kind: 'session' | 'api'; readonly id: string; readonly hash: string };
}

/**
 * Who holds this session or API token? Two round trips, nothing cached, so that logging out, revoking, and changes of role
 * count at the next request. Throws the 401 errors of the catalogue.
 */
export async function authenticate(context: AccountsContext, text: string): Promise<Authenticated> {
  const { store } = context;
  const found = await findSecret(store, text, ['session', 'api']);
  const [row, member] = await Promise.all([
    readSecret(store, found),
    store.forTenant(found.tenant).get<MemberRow>('org', `member#${found.userId}`),
  ]);
  const problem = secretProblem(row, store.clock.now());
  if (problem || !row) throw new TerraneError(problem ?? 'token_unknown');
  if (!member) {
    throw new TerraneError('token_revoked', 'Whom this login belongs to is no longer a member of the organisation.', {
      fix: 'Log in to another organisation, or ask to be invited again.',
    });
  }
  const { kind, id, hash } = row;
  return {
    principal: {
      kind: 'person',
      tenant: found.tenant,
      userId: member.userId,
      email: member.email,
      role: row.role ? lowerRole(row.role, member.role) : member.role,
      ...(kind === 'api' ? { tokenId: id, tokenExpiresAt: row.expiresAt } : {}),
      ...(row.cluster === undefined ? {} : { cluster: row.cluster }),
    },
    secret: { kind: kind as 'session' | 'api', id, hash },
  };
}

/** Ends a session at once. An API token isn't one: losing it by a stray log-out would stop what uses it. */
export async function logOut(context: AccountsContext, tenant: string, secret: Authenticated['secret']): Promise<void> {
  if (secret.kind === 'api') {
    throw new TerraneError('token_wrong_kind', 'This is an API token, not a login.', {
      fix: 'Revoke it (terrane token revoke ID).',
    });
  }
  await context.store.transact(forgetSecret(context.store, tenant, secret));
}

/** Throws `role_too_low` with what would be needed. */
export function requireRole(principal: PersonPrincipal, role: PersonPrincipal['role'], what: string): void {
  if (atLeast(principal.role, role)) return;
  throw new TerraneError('role_too_low', `To ${what} you need the role ${role}; yours is ${principal.role}.`);
}
