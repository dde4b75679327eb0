import { TerraneError } from '../../core/errors/terrane-error.ts';
import { type AccountsStore, ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { forgetLogin, linkedLogins, loginPart, type ProviderSubject } from './linked-logins.ts';
import type { LinkedEntry, LoginEntry, MemberRow, UserRow } from './records.ts';
import type { Authenticated } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';
import { requireLogin } from './user-sessions.ts';

/** Steps that make a login at a provider one of a user's. */
export function linkSteps(store: AccountsStore, subject: ProviderSubject, userId: string, email: string): Step[] {
  const login = loginPart(subject);
  const entry: LoginEntry = { userId, email };
  const linked: LinkedEntry = { login };
  const refuse = () => new TerraneError('login_linked');
  return [
    { write: store.identity.create(login, ONLY, entry), refuse },
    { write: store.identity.create(`logins#${userId}`, subject.provider, linked), refuse },
  ];
}

/**
 * Adds a way to log in, for who is logged in. Only to an account whose address is verified: whoever signs up with another's
 * address must not keep a way in for the day when the owner sets a password.
 */
export async function linkProvider(
  context: AccountsContext,
  { principal, secret }: Authenticated,
  subject: ProviderSubject,
  who: Who,
): Promise<void> {
  const { store, mailer, log } = context;
  requireLogin({ secret });
  const { tenant, userId, email } = principal;
  const user = await userOf(store, tenant, userId);
  if (user?.verifiedAt === undefined) throw new TerraneError('email_not_verified');
  const details = { provider: subject.provider };
  await store.transact([...linkSteps(store, subject, userId, email), audited(store, tenant, who, 'user.link', email, details)]);
  const text = [
    `From now on one can log in as ${email} by ${subject.provider}.`,
    '',
    'If it was not you, unlink it under Account in the console, and set a new password: terrane password forgot',
  ].join('\n');
  await mailer.send({ to: email, subject: 'A way to log in was added', text }).catch((error: unknown) => {
    log.error('a mail was not sent', { subject: 'A way to log in was added', error: String(error) });
  });
}

/** Not the last way in. Sessions that are open stay. */
export async function unlinkProvider(
  { store }: AccountsContext,
  { principal, secret }: Authenticated,
  provider: string,
  who: Who,
): Promise<void> {
  requireLogin({ secret });
  const { tenant, userId, email } = principal;
  const logins = await linkedLogins(store, userId);
  const found = logins.find(({ sk }) => sk === provider);
  if (!found) throw new TerraneError('not_found', 'Your account has no login there.');
  const user = await userOf(store, tenant, userId);
  if (user?.password === undefined && logins.length === 1) throw new TerraneError('last_login');
  await store.transact([...forgetLogin(store, userId, found), audited(store, tenant, who, 'user.unlink', email, { provider })]);
}

async function userOf(store: AccountsStore, tenant: string, userId: string): Promise<UserRow | undefined> {
  const member = await store.forTenant(tenant).get<MemberRow>('org', `member#${userId}`);
  return member && store.forTenant(member.home).get<UserRow>('users', userId);
}
