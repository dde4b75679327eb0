import { networkOf } from '../../core/accounts/network-of.ts';
import { emailProblem, normaliseEmail, organisationProblem, passwordProblem } from '../../core/accounts/names.ts';
import { type ErrorDetail, TerraneError } from '../../core/errors/terrane-error.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { newId } from './ids.ts';
import { type Invitation, readInvitation } from './invitations.ts';
import { openSession, type OpenedSession } from './open-session.ts';
import { takeToken } from './rate-limits.ts';
import type { EmailEntry, MemberRow, MembershipEntry, OrganisationRow, UserRow } from './records.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';
import { mailVerification, newVerification } from './verification.ts';

export interface SignUp {
  readonly email: string;
  readonly password: string;
  /** Name of the new organisation. Or `invitation`: join the one that sent it. */
  readonly organisation?: string | undefined;
  readonly invitation?: string | undefined;
}

/** By e-mail and password. A mail then asks to verify the address. */
export async function signUp(context: AccountsContext, request: SignUp, origin: Omit<Who, 'actor'>): Promise<OpenedSession> {
  const { store, passwords, rateLimits } = context;
  await takeToken(store, rateLimits.signupPerIp, { name: 'signupPerIp', of: networkOf(origin.ip) });
  const email = normaliseEmail(request.email);
  const name = request.organisation?.trim() ?? '';
  refuseInvalid(email, request.password, request.invitation === undefined ? name : undefined);
  const invitation = request.invitation === undefined ? undefined : await readInvitation(context, request.invitation, email);
  const password = await passwords.hash(request.password);
  return createAccount(context, { email, password, verified: false, name, invitation }, origin);
}

export interface NewAccount {
  readonly email: string;
  /** The hash. Absent: a login provider vouches for the person. */
  readonly password?: string;
  /** Somebody whom we believe has shown that the address is the person's. */
  readonly verified: boolean;
  /** Of the new organisation. */
  readonly name: string;
  /** Or the one to join. */
  readonly invitation: Invitation | undefined;
  /** More that is written with it, and where the person came from. */
  readonly more?: (userId: string) => readonly Step[];
  readonly provider?: string;
}

/** A new user with a new organisation (or a membership), logged in: all of it or nothing. */
export async function createAccount(
  context: AccountsContext,
  { email, password, verified, name, invitation, more, provider }: NewAccount,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession> {
  const { store } = context;
  const userId = newId();
  const tenant = invitation?.tenant ?? newId();
  const now = store.clock.now();
  const who: Who = { ...origin, actor: { kind: 'person', id: userId, name: email } };
  const items = store.forTenant(tenant);
  const user: UserRow = { userId, email, ...(password === undefined ? {} : { password }), createdAt: now };
  // An invitation came by mail to this address.
  if (invitation || verified) user.verifiedAt = now;
  const entry: EmailEntry = { tenant, userId };
  const session = openSession(context, { tenant, userId, ip: origin.ip });
  const verification = user.verifiedAt ? undefined : newVerification(context, { tenant, userId, email });

  await store.transact([
    { write: store.identity.create(`email#${email}`, ONLY, entry), refuse: () => new TerraneError('email_taken') },
    ...(invitation
      ? invitation.accept({ userId, home: tenant })
      : newOrganisation(context, { tenant, name, userId, email, now })),
    { write: items.create('users', userId, user) },
    ...session.steps,
    ...(verification?.steps ?? []),
    ...(more?.(userId) ?? []),
    audited(store, tenant, who, 'user.signup', email, {
      organisation: invitation ? tenant : name,
      ...(provider ? { provider } : {}),
    }),
  ]);
  if (verification) await mailVerification(context, email, verification.text);
  return { ...session.opened, role: invitation?.role ?? 'owner' };
}

function newOrganisation(
  { store, freePlan }: AccountsContext,
  { tenant, name, userId, email, now }: { tenant: string; name: string; userId: string; email: string; now: number },
): Step[] {
  const items = store.forTenant(tenant);
  const organisation: OrganisationRow = {
    name,
    plan: 'free',
    nodes: 0,
    nodeLimit: freePlan.nodes,
    clusters: 0,
    clusterLimit: freePlan.clusters,
    owners: 1,
    members: 1,
    memberLimit: freePlan.members,
    kvByteLimit: freePlan.kvBytes,
    createdAt: now,
  };
  const member: MemberRow = { userId, email, role: 'owner', home: tenant, joinedAt: now };
  const membership: MembershipEntry = { organisation: name, since: now };
  return [
    { write: items.create('org', 'organisation', organisation) },
    { write: items.create('org', `member#${userId}`, member) },
    { write: store.identity.create(`user#${userId}`, tenant, membership) },
  ];
}

/** `password` undefined: there is none. */
export function refuseInvalid(email: string, password: string | undefined, organisation: string | undefined): void {
  const problems: [string, string | undefined][] = [
    ['email', emailProblem(email)],
    ['password', password === undefined ? undefined : passwordProblem(password, email)],
    ['organisation', organisation === undefined ? undefined : organisationProblem(organisation)],
  ];
  const details = problems.flatMap(([field, message]): ErrorDetail[] => (message ? [{ field, message }] : []));
  if (details.length === 0) return;
  throw new TerraneError('invalid_request', details.map(({ field, message }) => `${field} ${message}`).join('; '), { details });
}
