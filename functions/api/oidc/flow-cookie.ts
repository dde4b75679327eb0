import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import * as z from 'zod';

/**
 * What the browser keeps between leaving for the provider and coming back. Nothing in it is believed for its own sake: it ties the
 * answer to the browser that asked (state), to this one attempt (nonce, PKCE verifier), and holds the person's own wishes.
 */
const flowSchema = z.strictObject({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  organisation: z.string().optional(),
  invitation: z.string().optional(),
  /** Id of the session that asked to be linked: the one that comes back must be the same. */
  link: z.string().optional(),
  next: z.string(),
  /** ms since the epoch. */
  startedAt: z.number(),
});

export type Flow = z.infer<typeof flowSchema>;

/** `__Host-`, as the session: no other site can set it. Lax, or it would not be there when the provider sends the browser back. */
const FLOW_COOKIE = '__Host-terrane-oidc';
const LIFETIME_MS = 600_000;

export function keepFlow(c: Context, flow: Flow): void {
  setCookie(c, FLOW_COOKIE, Buffer.from(JSON.stringify(flow)).toString('base64url'), {
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: LIFETIME_MS / 1000,
  });
}

/** The attempt that this browser began, once. */
export function takeFlow(c: Context, now: number): Flow | undefined {
  const cookie = getCookie(c, FLOW_COOKIE);
  deleteCookie(c, FLOW_COOKIE, { path: '/', secure: true });
  try {
    const flow = flowSchema.parse(JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString()));
    return flow.startedAt <= now && now < flow.startedAt + LIFETIME_MS ? flow : undefined;
  } catch {
    return undefined;
  }
}
