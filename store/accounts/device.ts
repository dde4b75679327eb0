import { createHash, randomBytes, randomInt } from 'node:crypto';
import { formatSecret, hashSecret, parseSecret } from '../../core/accounts/token-format.ts';
import { newUserCode, parseUserCode } from '../../core/accounts/user-code.ts';
import { networkOf } from '../../core/accounts/network-of.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { newId } from './ids.ts';
import { openSession, type OpenedSession } from './open-session.ts';
import { takeToken } from './rate-limits.ts';
import type { DeviceEntry, MemberRow, SecretEntry, SecretRow, UserCodeEntry } from './records.ts';
import { forgetSecret, findSecret, readSecret, secretsPart } from './secrets.ts';
import type { Authenticated } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import { requireLogin } from './user-sessions.ts';

/** Logging in a device without a browser (RFC 8628): the device shows a code, and a person who is logged in elsewhere approves it. */

/** How often a device may ask, ms; each time it asks too soon adds as much (RFC 8628, 3.5). */
const INTERVAL_MS = 5_000;
/** How long what is over is remembered, so that the device is told "expired". */
const REMEMBERED_MS = 3_600_000;

export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly expiresInMs: number;
  readonly intervalMs: number;
}

/** The errors of RFC 8628, 3.5, and of RFC 6749, 5.2. */
export type DeviceProblem = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token' | 'invalid_grant';

/** Nobody's yet: kept in the identity table, by hash, and gone by itself. */
export async function startDevice(context: AccountsContext, origin: Omit<Who, 'actor'>): Promise<DeviceCode> {
  const { store, rateLimits, lifetimes } = context;
  await takeToken(store, rateLimits.devicePerIp, { name: 'devicePerIp', of: networkOf(origin.ip) });
  const now = store.clock.now();
  const expiresAt = now + lifetimes.deviceMs;
  const ttl = Math.ceil((expiresAt + REMEMBERED_MS) / 1000);
  const deviceCode = formatSecret('device', newId(), randomBytes(32));
  const userCode = newUserCode(randomInt);
  const hash = hashSecret(deviceCode);
  const entry: DeviceEntry = { state: 'pending', expiresAt, intervalMs: INTERVAL_MS, askedAt: 0, ttl };
  const code: UserCodeEntry = { device: hash, id: parseSecret(deviceCode, ['device']).id, expiresAt, ttl };
  await store.transact([
    { write: store.identity.create(devicePart(hash), ONLY, entry) },
    { write: store.identity.create(userCodePart(userCode), ONLY, code), refuse: () => new TerraneError('busy') },
  ]);
  return { deviceCode, userCode, expiresInMs: lifetimes.deviceMs, intervalMs: INTERVAL_MS };
}

/** The caller's session vouches for the device, which gets a session of its own in the same organisation; or it is turned away. */
export async function approveDevice(
  context: AccountsContext,
  { principal, secret }: Authenticated,
  request: { readonly userCode: string; readonly deny?: boolean | undefined },
  who: Who,
): Promise<void> {
  const { store, rateLimits } = context;
  requireLogin({ secret });
  const { tenant, userId } = principal;
  await takeToken(store, rateLimits.userCodePerUser, { name: 'userCodePerUser', of: userId, tenant });
  const unknown = () => new TerraneError('user_code_invalid');
  const userCode = parseUserCode(request.userCode);
  const code = userCode && (await store.identity.get<UserCodeEntry>(userCodePart(userCode), ONLY));
  const now = store.clock.now();
  if (!code || code.expiresAt <= now) throw unknown();
  const { device: hash, id, expiresAt, ttl } = code;
  const state = request.deny ? 'denied' : 'approved';
  const row: SecretRow = { hash, kind: 'device', id, userId, createdAt: now, expiresAt, ttl, session: secret.id };
  const entry: SecretEntry = { tenant, kind: 'device', id, userId, ttl };
  await store.transact([
    {
      write: store.identity.change(
        devicePart(hash),
        ONLY,
        { expression: 'SET #state = :state', values: { state } },
        { expression: '#state = :pending', values: { pending: 'pending' } },
      ),
      refuse: unknown,
    },
    { write: store.identity.remove(userCodePart(userCode), ONLY) },
    ...(request.deny
      ? []
      : [
          { write: store.identity.create(`secret#${hash}`, ONLY, entry) },
          { write: store.forTenant(tenant).create(secretsPart('device'), id, row) },
        ]),
    audited(store, tenant, who, request.deny ? 'device.deny' : 'device.approve', id),
  ]);
}

/** What the device asks again and again: its session, once it is approved, and only once. */
export async function pollDevice(
  context: AccountsContext,
  deviceCode: string,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession | { readonly problem: DeviceProblem }> {
  const { store } = context;
  const hash = hashOf(deviceCode);
  const entry = hash === undefined ? undefined : await store.identity.get<DeviceEntry>(devicePart(hash), ONLY);
  if (!entry || hash === undefined) return { problem: 'invalid_grant' };
  const now = store.clock.now();
  if (entry.expiresAt <= now) return { problem: 'expired_token' };
  if (entry.state === 'denied') return { problem: 'access_denied' };
  if (entry.state === 'approved') return redeem(context, deviceCode, hash, origin);
  const tooSoon = now < entry.askedAt + entry.intervalMs;
  const intervalMs = entry.intervalMs + (tooSoon ? INTERVAL_MS : 0);
  await store.identity.update(
    devicePart(hash),
    ONLY,
    { expression: 'SET #askedAt = :now, #intervalMs = :interval', values: { now, interval: intervalMs } },
    { expression: 'attribute_exists(#pk)' },
  );
  return { problem: tooSoon ? 'slow_down' : 'authorization_pending' };
}

/** Only while the session that approved it is there: ending that one, or changing the password, ends what it vouched for. */
async function redeem(
  context: AccountsContext,
  deviceCode: string,
  hash: string,
  origin: Omit<Who, 'actor'>,
): Promise<OpenedSession | { readonly problem: DeviceProblem }> {
  const { store } = context;
  const found = await findSecret(store, deviceCode, ['device']).catch(() => undefined);
  const row = found && (await readSecret(store, found));
  if (!found || !row?.session) return { problem: 'invalid_grant' };
  const { tenant, userId } = found;
  const items = store.forTenant(tenant);
  const member = await items.get<MemberRow>('org', `member#${userId}`);
  if (!member) return { problem: 'access_denied' };
  const session = openSession(context, { tenant, userId, ip: origin.ip });
  const who: Who = { ...origin, actor: { kind: 'person', id: userId, name: member.email } };
  const [, entry] = forgetSecret(store, tenant, row);
  const used = new TerraneError('token_used');
  const denied = new TerraneError('session_expired');
  const exists = { expression: 'attribute_exists(#pk)' };
  try {
    await store.transact([
      { write: items.remove(secretsPart('device'), row.id, exists), refuse: () => used },
      { write: items.check(secretsPart('session'), row.session, exists), refuse: () => denied },
      { write: items.check('org', `member#${userId}`, exists), refuse: () => denied },
      entry!,
      { write: store.identity.remove(devicePart(hash), ONLY) },
      ...session.steps,
      audited(store, tenant, who, 'user.login', member.email, { device: row.id }),
    ]);
  } catch (error) {
    if (error === used) return { problem: 'invalid_grant' };
    if (error === denied) return { problem: 'access_denied' };
    throw error;
  }
  return { ...session.opened, role: member.role };
}

function hashOf(deviceCode: string): string | undefined {
  try {
    return parseSecret(deviceCode, ['device']).hash;
  } catch {
    return undefined;
  }
}

/** Where the identity table has a device that waits. */
export function devicePart(hash: string): string {
  return `device#${hash}`;
}

function userCodePart(userCode: string): string {
  return `user-code#${createHash('sha256').update(userCode).digest('hex')}`;
}
