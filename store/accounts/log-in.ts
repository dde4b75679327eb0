import { normaliseEmail } from '../../core/accounts/names.ts';
import { networkOf } from '../../core/accounts/network-of.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { readInvitation } from './invitations.ts';
import { openSession, type OpenedSession } from './open-session.ts';
import { takeToken } from './rate-limits.ts';
import type { EmailEntry, MemberRow, MembershipEntry, UserRow } from './records.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

export interface LogIn {
  readonly email: string;
  readonly password: string;
  /** Id or name of one of the user's organisations; by default the one they signed up with. */
  readonly organisation?: string | undefined;
  /** Or: accept this invitation, and log in to the organisation that sent it. The only way back in for who is in none. */
  readonly invitation?: string | undefined;
}

/** Same answer, in the same time, for an unknown e-mail and a wrong password. */
export async function logIn(context: AccountsContext, request: LogIn, origin: Omit<Who, 'actor'>): Promise<OpenedSession> {
  const { store, passwords, rateLimits } = context;
  const email = normaliseEmail(request.email);
  const ip = networkOf(origin.ip);
  await takeToken(store, rateLimits.loginPerIp, { name: 'loginPerIp', of: ip });
  await takeToken(store, rateLimits.loginPerAccountAndIp, { name: 'loginPerAccountAndIp', of: `${email} ${ip}` });

  const entry = await store.identity.get<EmailEntry>(`email#${email}`, ONLY);
  // Looked up even for nobody, so that the answer takes as many round trips.
  const user = await store.forTenant(entry?.tenant ?? 'nobody').get<UserRow>('users', entry?.userId ?? 'nobody');
  const good = await passwords.verify(request.password, user?.password);
  if (!good || !entry || !user?.password) throw new TerraneError('bad_credentials');

  const invitation = request.invitation === undefined ? undefined : await readInvitation(context, request.invitation, email);
  const { tenant, role } = invitation ?? (await organisationOf(context, user.userId, entry.tenant, request.organisation));
  const session = openSession(context, { tenant, userId: user.userId, ip: origin.ip });
  const who: Who = { ...origin, actor: { kind: 'person', id: user.userId, name: email } };
  await store.transact([
    ...(invitation
      ? [
          ...invitation.accept({ userId: user.userId, home: entry.tenant }),
          audited(store, tenant, who, 'member.accept', email, { role }),
        ]
      : []),
    ...session.steps,
    await stillThePassword(context, entry, { ...user, password: user.password }, request.password),
    audited(store, tenant, who, 'user.login', email),
  ]);
  return { ...session.opened, role };
}

export async function organisationOf(
  { store }: AccountsContext,
  userId: string,
  home: string,
  wanted: string | undefined,
): Promise<{ tenant: string; role: MemberRow['role'] }> {
  const memberships = await listOrganisations(store, userId);
  const chosen =
    wanted === undefined
      ? (memberships.find(({ id }) => id === home) ?? memberships[0])
      : memberships.find(({ id, name }) => id === wanted || name === wanted);
  const member = chosen && (await store.forTenant(chosen.id).get<MemberRow>('org', `member#${userId}`));
  if (member) return { tenant: chosen.id, role: member.role };
  const names = memberships.map(({ name }) => name).join(', ');
  throw new TerraneError(
    'not_found',
    wanted === undefined ? 'You are not a member of any organisation.' : 'You are not a member of this organisation.',
    {
      fix: names
        ? `Yours: ${names}.`
        : 'Ask to be invited to one, then log in with the invitation (terrane login --invitation CODE).',
    },
  );
}

/** The organisations of a user, in the order of joining. */
export async function listOrganisations(
  store: AccountsContext['store'],
  userId: string,
): Promise<{ id: string; name: string }[]> {
  const memberships = await store.identity.list<MembershipEntry>(`user#${userId}`);
  memberships.sort((a, b) => a.since - b.since || (a.sk < b.sk ? -1 : 1));
  return memberships.map(({ sk, organisation }) => ({ id: sk, name: organisation }));
}

/**
 * The session counts only if the password is still what was checked: a change that came between ends all sessions, and would have
 * missed this one. An old hash is brought up to date: the password is at hand only now.
 */
async function stillThePassword(
  { store, passwords }: AccountsContext,
  entry: EmailEntry,
  user: UserRow & { readonly password: string },
  password: string,
): Promise<Step> {
  const items = store.forTenant(entry.tenant);
  const same = { expression: '#password = :was', values: { was: user.password } };
  const refuse = () => new TerraneError('bad_credentials');
  if (!passwords.outdated(user.password)) return { write: items.check('users', user.userId, same), refuse };
  const values = { hash: await passwords.hash(password) };
  return { write: items.change('users', user.userId, { expression: 'SET #password = :hash', values }, same), refuse };
}
