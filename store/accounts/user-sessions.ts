import type { SessionView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { audited, type Who } from './audit.ts';
import { listOrganisations } from './log-in.ts';
import type { SecretRow } from './records.ts';
import { forgetSecret, secretsPart } from './secrets.ts';
import type { Authenticated } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

/** A user's session in one of the organisations. */
export interface UserSession {
  readonly tenant: string;
  readonly organisation: string;
  readonly row: SecretRow;
}

/** Sessions of a user in all organisations that the user is a member of; those elsewhere can't be used any more. */
async function sessionsOf({ store }: AccountsContext, userId: string): Promise<UserSession[]> {
  const organisations = await listOrganisations(store, userId);
  const lists = await Promise.all(
    organisations.map(async ({ id: tenant, name: organisation }) => {
      const rows = await store.forTenant(tenant).list<SecretRow>(secretsPart('session'));
      return rows.filter((row) => row.userId === userId).map((row) => ({ tenant, organisation, row }));
    }),
  );
  return lists.flat();
}

/** Newest first. */
export async function listSessions(context: AccountsContext, { principal, secret }: Authenticated): Promise<SessionView[]> {
  requireLogin({ secret });
  const now = context.store.clock.now();
  const sessions = await sessionsOf(context, principal.userId);
  return sessions
    .filter(({ row }) => row.expiresAt > now)
    .map(({ organisation, row: { id, createdAt, expiresAt, ip } }) => ({
      id,
      organisation,
      createdAt,
      expiresAt,
      ...(ip === undefined ? {} : { ip }),
      current: id === secret.id,
    }))
    .sort((a, b) => b.createdAt - a.createdAt);
}

/** Ends one of the caller's own sessions, in whichever organisation, at once. */
export async function revokeSession(
  context: AccountsContext,
  { principal, secret }: Authenticated,
  id: string,
  who: Who,
): Promise<void> {
  requireLogin({ secret });
  const found = (await sessionsOf(context, principal.userId)).find(({ row }) => row.id === id);
  if (!found) throw new TerraneError('not_found', 'You have no such session.');
  const { store } = context;
  await store.transact([
    ...forgetSecret(store, found.tenant, found.row),
    audited(store, found.tenant, who, 'session.revoke', id),
  ]);
}

/** What concerns the person and not the organisation is not for API tokens: who finds one must not take the account over. */
export function requireLogin({ secret }: Pick<Authenticated, 'secret'>): void {
  if (secret.kind === 'session') return;
  throw new TerraneError('login_required');
}

/** Two items each, of the 100 that a transaction may have. */
const TOGETHER_MAX = 40;

/**
 * Ends sessions together with `steps` (those that fit), then whatever is left: a process that dies in between leaves only what
 * didn't fit. `except`: the hash of a session that stays.
 */
export async function endSessionsWith(
  context: AccountsContext,
  userId: string,
  steps: readonly Step[],
  except?: string,
): Promise<void> {
  const { store } = context;
  const ended = async () => {
    const all = await sessionsOf(context, userId);
    return all.filter(({ row }) => row.hash !== except).map(({ tenant, row }) => forgetSecret(store, tenant, row));
  };
  await store.transact([...steps, ...(await ended()).slice(0, TOGETHER_MAX).flat()]);
  // Also those that were opened while we looked.
  for (let left = await ended(); left.length > 0; left = await ended()) {
    await store.transact(left.slice(0, TOGETHER_MAX).flat());
  }
}
