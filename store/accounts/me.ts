import type { MeView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { PersonPrincipal } from '../../core/ports/identity.ts';
import { linkedLogins } from './linked-logins.ts';
import { listOrganisations } from './log-in.ts';
import type { MemberRow, OrganisationRow, UserRow } from './records.ts';
import type { AccountsContext } from './settings.ts';

export async function me(
  { store }: AccountsContext,
  principal: Pick<PersonPrincipal, 'tenant' | 'userId' | 'role'>,
): Promise<MeView> {
  const { tenant, userId, role } = principal;
  const items = store.forTenant(tenant);
  const [organisation, member, organisations] = await Promise.all([
    items.get<OrganisationRow>('org', 'organisation'),
    items.get<MemberRow>('org', `member#${userId}`),
    listOrganisations(store, userId),
  ]);
  if (!organisation || !member) throw new TerraneError('not_found');
  const home = store.forTenant(member.home);
  const [user, logins] = await Promise.all([home.get<UserRow>('users', userId), linkedLogins(store, userId)]);
  return {
    user: {
      id: userId,
      email: member.email,
      verified: user?.verifiedAt !== undefined,
      password: user?.password !== undefined,
      linked: logins.map(({ sk }) => sk),
    },
    organisation: {
      id: tenant,
      name: organisation.name,
      plan: organisation.plan,
      nodes: { used: organisation.nodes, limit: organisation.nodeLimit },
    },
    role,
    organisations,
  };
}

/** Throws `email_not_verified` where the installation asks for a verified address. */
export async function requireVerified(
  { store, requireVerifiedEmail }: AccountsContext,
  principal: PersonPrincipal,
): Promise<void> {
  if (!requireVerifiedEmail) return;
  const member = await store.forTenant(principal.tenant).get<MemberRow>('org', `member#${principal.userId}`);
  const user = member && (await store.forTenant(member.home).get<UserRow>('users', principal.userId));
  if (user?.verifiedAt === undefined) throw new TerraneError('email_not_verified');
}
