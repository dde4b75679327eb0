import { normaliseEmail } from '../../core/accounts/names.ts';
import { networkOf } from '../../core/accounts/network-of.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { readInvitation } from './invitations.ts';
import { linkSteps } from './link-provider.ts';
import { loginPart, type ProviderSubject } from './linked-logins.ts';
import { organisationOf } from './log-in.ts';
import { openSession, type OpenedSession } from './open-session.ts';
import { takeToken } from './rate-limits.ts';
import type { EmailEntry, LoginEntry } from './records.ts';
import type { AccountsContext } from './settings.ts';
import { createAccount, refuseInvalid } from './sign-up.ts';

/** What a login provider has proved. */
export interface ProvenLogin extends ProviderSubject {
  readonly email?: string | undefined;
  /** The provider says that the address is the person's. */
  readonly emailVerified: boolean;
}

/** For who has no account yet: the name of a new organisation, or an invitation. */
export interface Arrival {
  readonly organisation?: string | undefined;
  readonly invitation?: string | undefined;
}

/** Asking a provider costs us a request to it, and it may count ours. */
export async function limitProviderLogin({ store, rateLimits }: AccountsContext, origin: Omit<Who, 'actor'>): Promise<void> {
  await takeToken(store, rateLimits.loginPerIp, { name: 'loginPerIp', of: networkOf(origin.ip) });
}

/**
 * Logs in who is known by this provider; signs up who isn't, with a verified address that nobody has here. An account that has the
 * address already is never taken over (docs/decisions/0008).
 */
export async function logInByProvider(
  context: AccountsContext,
  login: ProvenLogin,
  arrival: Arrival,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession> {
  const { store } = context;
  const known = await store.identity.get<LoginEntry>(loginPart(login), ONLY);
  return known ? logInKnown(context, login, known, arrival, origin) : signUpNew(context, login, arrival, origin);
}

async function logInKnown(
  context: AccountsContext,
  { provider, ...subject }: ProvenLogin,
  { userId, email }: LoginEntry,
  arrival: Arrival,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession> {
  const { store } = context;
  const entry = await store.identity.get<EmailEntry>(`email#${email}`, ONLY);
  if (entry?.userId !== userId) throw new TerraneError('oidc_no_account');
  const invitation = arrival.invitation === undefined ? undefined : await readInvitation(context, arrival.invitation, email);
  const { tenant, role } = invitation ?? (await organisationOf(context, userId, entry.tenant, undefined));
  const session = openSession(context, { tenant, userId, ip: origin.ip });
  const who: Who = { ...origin, actor: { kind: 'person', id: userId, name: email } };
  await store.transact([
    ...(invitation
      ? [...invitation.accept({ userId, home: entry.tenant }), audited(store, tenant, who, 'member.accept', email, { role })]
      : []),
    ...session.steps,
    {
      write: store.identity.check(loginPart(subject), ONLY, { expression: 'attribute_exists(#pk)' }),
      // It was unlinked meanwhile.
      refuse: () => new TerraneError('oidc_no_account'),
    },
    audited(store, tenant, who, 'user.login', email, { provider }),
  ]);
  return { ...session.opened, role };
}

async function signUpNew(
  context: AccountsContext,
  login: ProvenLogin,
  arrival: Arrival,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession> {
  const { store, rateLimits } = context;
  const { provider, emailVerified } = login;
  const email = normaliseEmail(login.email ?? '');
  if (!email || !emailVerified) throw new TerraneError('oidc_email_unverified');
  if (await store.identity.get<EmailEntry>(`email#${email}`, ONLY)) throw new TerraneError('oidc_account_exists');
  if (arrival.organisation === undefined && arrival.invitation === undefined) throw new TerraneError('oidc_no_account');
  await takeToken(store, rateLimits.signupPerIp, { name: 'signupPerIp', of: networkOf(origin.ip) });
  const name = arrival.organisation?.trim() ?? '';
  refuseInvalid(email, undefined, arrival.invitation === undefined ? name : undefined);
  const invitation = arrival.invitation === undefined ? undefined : await readInvitation(context, arrival.invitation, email);
  const more = (userId: string) => linkSteps(store, login, userId, email);
  return createAccount(context, { email, verified: true, name, invitation, more, provider }, origin);
}
