import type { Context } from 'hono';
import { setCookie } from 'hono/cookie';
import type { OpenedSession } from '../../../store/accounts/open-session.ts';
import { SESSION_COOKIE } from './credential.ts';

/** A browser gets its session as a cookie that scripts can't read. Lax: a link to the console from a mail finds it logged in. */
export function setSession(c: Context, { token, expiresAt }: Pick<OpenedSession, 'token' | 'expiresAt'>): void {
  setCookie(c, SESSION_COOKIE, token, {
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'Lax',
    expires: new Date(expiresAt),
  });
}
