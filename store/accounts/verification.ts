import { TerraneError } from '../../core/errors/terrane-error.ts';
import { audited, type Who } from './audit.ts';
import { takeToken } from './rate-limits.ts';
import type { MemberRow, UserRow } from './records.ts';
import { findSecret, forgetSecret, issueSecret, type IssuedSecret, readSecret, secretProblem } from './secrets.ts';
import type { AccountsContext } from './settings.ts';

/** A one-time secret that proves that its holder reads mail to this address. `tenant` is the user's home. */
export function newVerification(
  { store, lifetimes }: AccountsContext,
  { tenant, userId, email }: { tenant: string; userId: string; email: string },
): IssuedSecret {
  return issueSecret(store, tenant, 'verify', { userId, email, lifetimeMs: lifetimes.verifyMs });
}

/** A mail that can't be sent doesn't undo the sign-up: the person can ask for another. */
export async function mailVerification({ mailer, log, publicUrl }: AccountsContext, to: string, secret: string): Promise<void> {
  const text = [
    'Welcome to Terrane.',
    '',
    'To show that this address is yours, open this page within 24 hours:',
    '',
    `${publicUrl()}/verify#${secret}`,
    '',
    'If you did not sign up, ignore this mail.',
  ].join('\n');
  try {
    await mailer.send({ to, subject: 'Verify your e-mail address', text });
  } catch (error) {
    log.error('the verification mail was not sent', { error: String(error) });
  }
}

/** Sends another link; answers false if the address is verified already. */
export async function resendVerification(context: AccountsContext, tenant: string, userId: string): Promise<boolean> {
  const { store, rateLimits } = context;
  const member = await store.forTenant(tenant).get<MemberRow>('org', `member#${userId}`);
  const user = member && (await store.forTenant(member.home).get<UserRow>('users', userId));
  if (!member || !user) throw new TerraneError('not_found');
  if (user.verifiedAt !== undefined) return false;
  await takeToken(store, rateLimits.mailPerUser, { name: 'mailPerUser', of: userId, tenant: member.home });
  const verification = newVerification(context, { tenant: member.home, userId, email: user.email });
  await store.transact(verification.steps);
  await mailVerification(context, user.email, verification.text);
  return true;
}

/** Redeems the link's secret, once. Answers the address. */
export async function verifyEmail(context: AccountsContext, text: string, origin: Omit<Who, 'actor'>): Promise<string> {
  const { store } = context;
  const refused = () => new TerraneError('verification_invalid');
  const found = await findSecret(store, text, ['verify']).catch((error: unknown) => {
    throw error instanceof TerraneError && error.code === 'token_unknown' ? refused() : error;
  });
  const row = await readSecret(store, found);
  const now = store.clock.now();
  if (!row?.email || secretProblem(row, now)) throw refused();
  const [, forgetEntry] = forgetSecret(store, found.tenant, row);
  const items = store.forTenant(found.tenant);
  const who: Who = { ...origin, actor: { kind: 'person', id: row.userId, name: row.email } };
  await store.transact([
    { write: items.remove('secrets#verify', row.id, { expression: 'attribute_exists(#pk)' }), refuse: refused },
    forgetEntry!,
    {
      write: items.change(
        'users',
        row.userId,
        { expression: 'SET #verifiedAt = :now', values: { now } },
        { expression: '#email = :email', values: { email: row.email } },
      ),
      refuse: refused,
    },
    audited(store, found.tenant, who, 'user.verify', row.email),
  ]);
  return row.email;
}
