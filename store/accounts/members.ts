import type { InvitationView, MemberView } from '../../core/accounts/api.ts';
import { emailProblem, normaliseEmail } from '../../core/accounts/names.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { PersonPrincipal, Role } from '../../core/ports/identity.ts';
import { audited, type Who } from './audit.ts';
import { countMembers } from './count-members.ts';
import { readInvitation } from './invitations.ts';
import { takeToken } from './rate-limits.ts';
import type { MemberRow, OrganisationRow, SecretRow } from './records.ts';
import { forgetSecret, issueSecret, secretsPart } from './secrets.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';

export async function listMembers({ store }: AccountsContext, tenant: string): Promise<MemberView[]> {
  const rows = await store.forTenant(tenant).list<MemberRow>('org', { prefix: 'member#' });
  return rows.map(({ userId, email, role, joinedAt }) => ({ id: userId, email, role, joinedAt }));
}

export async function listInvitations({ store }: AccountsContext, tenant: string): Promise<InvitationView[]> {
  const rows = await store.forTenant(tenant).list<SecretRow>(secretsPart('invite'));
  const now = store.clock.now();
  return rows
    .filter((row) => row.expiresAt > now)
    .map(({ id, email = '', role = 'viewer', expiresAt }) => ({ id, email, role, expiresAt }));
}

/** Sends an invitation by mail. The answer is the same whether the address has an account or not. */
export async function invite(
  context: AccountsContext,
  principal: PersonPrincipal,
  request: { readonly email: string; readonly role: Role },
  who: Who,
): Promise<InvitationView> {
  const { store, mailer, log, lifetimes, rateLimits, publicUrl } = context;
  const { tenant } = principal;
  requireRole(principal, request.role === 'owner' ? 'owner' : 'admin', `invite an ${request.role}`);
  const email = normaliseEmail(request.email);
  const problem = emailProblem(email);
  if (problem) throw new TerraneError('invalid_request', `email ${problem}`, { details: [{ field: 'email', message: problem }] });
  if ((await listMembers(context, tenant)).some((member) => member.email === email)) throw new TerraneError('member_exists');
  await takeToken(store, rateLimits.mailPerUser, { name: 'mailPerUser', of: email, tenant });
  const { userId } = principal;
  const { id, text, row, steps } = issueSecret(store, tenant, 'invite', {
    userId,
    email,
    role: request.role,
    lifetimeMs: lifetimes.inviteMs,
  });
  await store.transact([...steps, audited(store, tenant, who, 'member.invite', email, { role: request.role })]);
  const organisation = await store.forTenant(tenant).get<OrganisationRow>('org', 'organisation');
  const mail = {
    to: email,
    subject: `${principal.email} invites you to ${organisation?.name ?? 'an organisation'} on Terrane`,
    text: [
      `${principal.email} invites you to the organisation ${organisation?.name ?? tenant} as ${request.role}.`,
      '',
      'On this page you can sign up, or accept it with the account that you have (valid for 7 days):',
      '',
      `${publicUrl()}/invite#${text}`,
      '',
      'or with the command line: terrane signup (or: terrane login) --invitation CODE, where CODE is what follows the #.',
    ].join('\n'),
  };
  await mailer.send(mail).catch((error: unknown) => {
    log.error('an invitation was not sent', { error: String(error) });
    throw new TerraneError('unavailable', 'The invitation could not be sent.', { fix: 'Invite the person again in a moment.' });
  });
  return { id, email, role: request.role, expiresAt: row.expiresAt };
}

/** For who has an account already. Answers the organisation joined. */
export async function acceptInvitation(
  context: AccountsContext,
  principal: PersonPrincipal,
  text: string,
  who: Who,
): Promise<string> {
  const { store } = context;
  const member = await store.forTenant(principal.tenant).get<MemberRow>('org', `member#${principal.userId}`);
  if (!member) throw new TerraneError('not_found');
  const invitation = await readInvitation(context, text, principal.email);
  await store.transact([
    ...invitation.accept({ userId: principal.userId, home: member.home }),
    audited(store, invitation.tenant, who, 'member.accept', principal.email, { role: invitation.role }),
  ]);
  return invitation.tenant;
}

export async function changeRole(
  context: AccountsContext,
  principal: PersonPrincipal,
  userId: string,
  role: Role,
  who: Who,
): Promise<MemberView> {
  const member = await readMember(context, principal, userId);
  const owners = role === 'owner' || member.role === 'owner';
  requireRole(principal, owners ? 'owner' : 'admin', owners ? 'make or unmake owners' : 'change roles');
  if (member.role !== role) {
    const { store } = context;
    await store.transact([
      ...countMembers(store, principal.tenant, { owners: Number(role === 'owner') - Number(member.role === 'owner') }),
      {
        write: store
          .forTenant(principal.tenant)
          .change(
            'org',
            `member#${userId}`,
            { expression: 'SET #role = :role', values: { role } },
            { expression: '#role = :was', values: { was: member.role } },
          ),
        refuse: () => new TerraneError('busy'),
      },
      audited(store, principal.tenant, who, 'member.role', member.email, { from: member.role, to: role }),
    ]);
  }
  return { id: userId, email: member.email, role, joinedAt: member.joinedAt };
}

/** Removes a member, or takes an invitation back. Everyone may remove themselves, except the last owner. */
export async function removeMember(context: AccountsContext, principal: PersonPrincipal, id: string, who: Who): Promise<void> {
  const { store } = context;
  const { tenant } = principal;
  const items = store.forTenant(tenant);
  const invitation = await items.get<SecretRow>(secretsPart('invite'), id);
  if (invitation) {
    requireRole(principal, 'admin', 'take back invitations');
    await store.transact([
      ...forgetSecret(store, tenant, invitation),
      audited(store, tenant, who, 'member.uninvite', invitation.email ?? id),
    ]);
    return;
  }
  const member = await readMember(context, principal, id);
  // An API token isn't the person: one that may only read must not take its maker out of the organisation.
  if (id !== principal.userId || principal.tokenId !== undefined)
    requireRole(principal, member.role === 'owner' ? 'owner' : 'admin', 'remove members');
  await store.transact([
    ...countMembers(store, tenant, { owners: member.role === 'owner' ? -1 : 0, members: -1 }),
    {
      write: items.remove('org', `member#${id}`, { expression: '#role = :was', values: { was: member.role } }),
      refuse: () => new TerraneError('busy'),
    },
    { write: store.identity.remove(`user#${id}`, tenant) },
    audited(store, tenant, who, 'member.remove', member.email, { role: member.role }),
  ]);
}

async function readMember({ store }: AccountsContext, principal: PersonPrincipal, userId: string): Promise<MemberRow> {
  const member = await store.forTenant(principal.tenant).get<MemberRow>('org', `member#${userId}`);
  if (!member) throw new TerraneError('not_found', 'There is no such member.');
  return member;
}
