import { createHmac, timingSafeEqual } from 'node:crypto';
import { EtcdError } from '../errors.ts';
import type { AuthState } from './auth-state.ts';

/**
 * Good for a day. etcd's simple tokens live for 5 minutes after their last use; ours aren't kept anywhere, so that any process can check
 * them, and their time doesn't start anew.
 */
const TOKEN_MS = 24 * 60 * 60 * 1000;
const VERSION = 'v1';

interface Claims {
  readonly user: string;
  readonly since: number;
  /** ms since the epoch. */
  readonly until: number;
}

export function makeToken(state: AuthState, user: string, now: number): string {
  const claims: Claims = { user, since: state.users[user]!.since, until: now + TOKEN_MS };
  const payload = Buffer.from(JSON.stringify(claims), 'utf8').toString('base64url');
  return `${VERSION}.${payload}.${signature(state, payload)}`;
}

/** The user that a token was given to. Throws EtcdError: it isn't ours, is too old, or the user's password was changed since. */
export function userOfToken(state: AuthState, token: string, now: number): string {
  const [version, payload = '', signed = ''] = token.split('.');
  const wanted = Buffer.from(signature(state, payload));
  const actual = Buffer.from(signed);
  if (version !== VERSION || wanted.length !== actual.length || !timingSafeEqual(wanted, actual))
    throw EtcdError.of('invalidAuthToken');
  const { user, since, until } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
  if (until < now || state.users[user]?.since !== since) throw EtcdError.of('invalidAuthToken');
  return user;
}

function signature({ secret }: AuthState, payload: string): string {
  return createHmac('sha256', Buffer.from(secret, 'base64url')).update(payload).digest('base64url');
}
