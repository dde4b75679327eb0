import { normaliseEmail, passwordProblem } from '../../core/accounts/names.ts';
import { networkOf } from '../../core/accounts/network-of.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { takeToken } from './rate-limits.ts';
import type { EmailEntry, MemberRow, SecretRow, UserRow } from './records.ts';
import { findSecret, forgetSecret, issueSecret, readSecret, secretProblem, secretsPart } from './secrets.ts';
import type { Authenticated } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';
import { endSessionsWith, requireLogin } from './user-sessions.ts';

/** Who knows the present password sets a new one. All other sessions end. */
export async function changePassword(
  context: AccountsContext,
  { principal, secret }: Authenticated,
  request: { readonly current: string; readonly password: string },
  who: Who,
): Promise<void> {
  const { store, passwords, rateLimits } = context;
  requireLogin({ secret });
  const { tenant, userId, email } = principal;
  refuseWeak(request.password, email);
  await takeToken(store, rateLimits.loginPerAccountAndIp, { name: 'loginPerAccountAndIp', of: `${email} ${networkOf(who.ip)}` });
  const member = await store.forTenant(tenant).get<MemberRow>('org', `member#${userId}`);
  const user = member && (await store.forTenant(member.home).get<UserRow>('users', userId));
  if (!(await passwords.verify(request.current, user?.password)) || !member || !user) {
    throw new TerraneError('bad_credentials', 'The present password is wrong.', { fix: 'Check it, or reset it by mail.' });
  }
  await setPassword(context, { home: member.home, user, password: request.password, keep: secret.hash }, [
    audited(store, tenant, who, 'user.password', email),
  ]);
}

/** Mails a secret that sets a new password, once, for an hour. Does the same for an address without an account: nothing to see. */
export async function forgotPassword(context: AccountsContext, address: string, origin: Omit<Who, 'actor'>): Promise<void> {
  const { store, rateLimits, lifetimes, publicUrl } = context;
  const email = normaliseEmail(address);
  await takeToken(store, rateLimits.resetPerIp, { name: 'resetPerIp', of: networkOf(origin.ip) });
  await takeToken(store, rateLimits.resetPerAccount, { name: 'resetPerAccount', of: email });
  const entry = await store.identity.get<EmailEntry>(`email#${email}`, ONLY);
  if (!entry) return;
  const { tenant, userId } = entry;
  const reset = issueSecret(store, tenant, 'reset', { userId, email, lifetimeMs: lifetimes.resetMs });
  const who: Who = { ...origin, actor: { kind: 'person', id: userId, name: email } };
  await store.transact([...reset.steps, audited(store, tenant, who, 'user.password-forgotten', email)]);
  await mail(context, email, 'Set a new password', [
    `Somebody, probably you, asked to set a new password for ${email}.`,
    '',
    'Within an hour you can do so on this page:',
    '',
    `${publicUrl()}/reset#${reset.text}`,
    '',
    'or with this command:',
    '',
    `terrane password reset ${reset.text} --server ${publicUrl()}`,
    '',
    'It ends all your sessions. If it was not you who asked, ignore this mail: nothing has changed.',
  ]);
}

/** Redeems what `forgotPassword` mailed. The address is verified with it; all sessions end. Answers the address. */
export async function resetPassword(
  context: AccountsContext,
  request: { readonly token: string; readonly password: string },
  origin: Omit<Who, 'actor'>,
): Promise<string> {
  const { store } = context;
  const refused = () => new TerraneError('reset_invalid');
  const found = await findSecret(store, request.token, ['reset']).catch((error: unknown) => {
    throw error instanceof TerraneError && error.code === 'token_unknown' ? refused() : error;
  });
  const row = await readSecret(store, found);
  if (!row?.email || secretProblem(row, store.clock.now())) throw refused();
  const items = store.forTenant(found.tenant);
  const user = await items.get<UserRow>('users', row.userId);
  if (user?.email !== row.email) throw refused();
  refuseWeak(request.password, row.email);
  const who: Who = { ...origin, actor: { kind: 'person', id: row.userId, name: row.email } };
  await setPassword(context, { home: found.tenant, user, password: request.password, verified: true, redeem: row }, [
    audited(store, found.tenant, who, 'user.password-reset', row.email),
  ]);
  return row.email;
}

interface NewPassword {
  readonly home: string;
  readonly user: UserRow;
  readonly password: string;
  /** The mail that led here proved that the address is read. */
  readonly verified?: boolean;
  /** Hash of the session that stays. */
  readonly keep?: string;
  readonly redeem?: SecretRow;
}

/** Mailed secrets that one person can have open; older ones expire within the hour. */
const RESETS_MAX = 8;

async function setPassword(context: AccountsContext, change: NewPassword, more: readonly Step[]): Promise<void> {
  const { store, passwords } = context;
  const { home, user, redeem } = change;
  const items = store.forTenant(home);
  const resets = (await items.list<SecretRow>(secretsPart('reset'))).filter(
    (row) => row.userId === user.userId && row.id !== redeem?.id,
  );
  const hash = await passwords.hash(change.password);
  const unchanged =
    user.password === undefined
      ? { expression: 'attribute_not_exists(#password)' }
      : { expression: '#password = :was', values: { was: user.password } };
  const now = store.clock.now();
  const [, redeemedEntry] = redeem ? forgetSecret(store, home, redeem) : [];
  const steps: Step[] = [
    ...(redeem && redeemedEntry
      ? [
          {
            write: items.remove(secretsPart('reset'), redeem.id, { expression: 'attribute_exists(#pk)' }),
            refuse: () => new TerraneError('reset_invalid'),
          },
          redeemedEntry,
        ]
      : []),
    {
      write: items.change(
        'users',
        user.userId,
        change.verified && user.verifiedAt === undefined
          ? { expression: 'SET #password = :hash, #verifiedAt = :now', values: { hash, now } }
          : { expression: 'SET #password = :hash', values: { hash } },
        unchanged,
      ),
      refuse: () => new TerraneError('busy'),
    },
    ...resets.slice(0, RESETS_MAX).flatMap((row) => forgetSecret(store, home, row)),
    ...more,
  ];
  await endSessionsWith(context, user.userId, steps, change.keep);
  await mail(context, user.email, 'Your password was changed', [
    `The password of ${user.email} was changed, and your other sessions were ended.`,
    '',
    'If it was not you, set a new one at once: terrane password forgot',
    'API tokens go on working: look through them (terrane token list).',
  ]);
}

function refuseWeak(password: string, email: string): void {
  const message = passwordProblem(password, email);
  if (message) throw new TerraneError('invalid_request', `password ${message}`, { details: [{ field: 'password', message }] });
}

/** What was done stays done if the mail can't be sent. */
async function mail({ mailer, log }: AccountsContext, to: string, subject: string, lines: readonly string[]): Promise<void> {
  try {
    await mailer.send({ to, subject, text: lines.join('\n') });
  } catch (error) {
    log.error('a mail was not sent', { subject, error: String(error) });
  }
}
