import { normaliseEmail } from '../../core/accounts/names.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { Role } from '../../core/ports/identity.ts';
import { countMembers } from './count-members.ts';
import type { MemberRow, MembershipEntry, OrganisationRow } from './records.ts';
import { findSecret, forgetSecret, readSecret, secretProblem } from './secrets.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

/** A good invitation for this e-mail address. */
export interface Invitation {
  readonly tenant: string;
  readonly role: Role;
  readonly organisation: string;
  /** Makes the user a member and uses the invitation up. `home` is the tenant that keeps the user. */
  accept(user: { readonly userId: string; readonly home: string }): Step[];
}

/** Throws `invitation_invalid`, also if it was sent to another address: whoever forwards it doesn't pass it on. */
export async function readInvitation(context: AccountsContext, text: string, email: string): Promise<Invitation> {
  const { store } = context;
  const found = await findSecret(store, text, ['invite']).catch((error: unknown) => {
    throw error instanceof TerraneError && error.code === 'token_unknown' ? new TerraneError('invitation_invalid') : error;
  });
  const items = store.forTenant(found.tenant);
  const [row, organisation] = await Promise.all([readSecret(store, found), items.get<OrganisationRow>('org', 'organisation')]);
  const now = store.clock.now();
  if (!row || !organisation || secretProblem(row, now) || !row.email || normaliseEmail(row.email) !== email) {
    throw new TerraneError('invitation_invalid');
  }
  const { role = 'viewer' } = row;
  return {
    tenant: found.tenant,
    role,
    organisation: organisation.name,
    accept({ userId, home }) {
      const member: MemberRow = { userId, email, role, home, joinedAt: now };
      const membership: MembershipEntry = { organisation: organisation.name, since: now };
      const [forgetRow, forgetEntry] = forgetSecret(store, found.tenant, row);
      return [
        {
          write: items.remove('secrets#invite', found.id, { expression: 'attribute_exists(#pk)' }),
          refuse: () => new TerraneError('invitation_invalid'),
        },
        ...(forgetRow && forgetEntry ? [forgetEntry] : []),
        { write: items.create('org', `member#${userId}`, member), refuse: () => new TerraneError('member_exists') },
        { write: store.identity.put(`user#${userId}`, found.tenant, membership) },
        ...countMembers(store, found.tenant, { owners: role === 'owner' ? 1 : 0, members: 1 }),
      ];
    },
  };
}
