import type { Context, Env, Hono } from 'hono';
import type { Accounts } from '../../store/accounts/accounts.ts';
import { backgroundSettled } from './background.ts';
import { required } from './environment.ts';
import { visitorOf, wrongDoor } from './front-door.ts';
import { type InvocationContext, requestOf, type UrlEvent } from './function-url.ts';
import { learnHost } from './public-url.ts';

/** What is left of an invocation for ending its streams properly, ms. */
const LAST_WORDS_MS = 10_000;

interface Bindings {
  readonly clientIp: string | undefined;
}

/** Runs one function-URL event through an app, as the client's own request; at the invocation's end its signal aborts. */
export async function serve<E extends Env>(
  app: Hono<E>,
  event: UrlEvent,
  context: InvocationContext,
  sent?: Promise<void>,
): Promise<Response> {
  const visitor = visitorOf(event.headers, required('originSecret'));
  if (!visitor) return wrongDoor();
  learnHost(visitor.host);
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), Math.max(0, context.getRemainingTimeInMillis() - LAST_WORDS_MS));
  void sent?.then(() => clearTimeout(timer));
  try {
    const bindings: Bindings = { clientIp: visitor.ip };
    return await app.fetch(requestOf(event, visitor.host, end.signal), bindings);
  } finally {
    if (!sent) clearTimeout(timer);
  }
}

/** The client's address as CloudFront saw it. */
export function clientIp(c: Context): string | undefined {
  return (c.env as Bindings).clientIp;
}

/** Before Lambda freezes the process: snapshots under way, what answers didn't wait for, and counts of requests that are due. */
export async function beforeFreeze(
  store: { readonly keyspaces: { settled(): Promise<void> } },
  accounts?: Pick<Accounts, 'flushRequests'>,
): Promise<void> {
  await Promise.all([backgroundSettled(), accounts?.flushRequests('due')]);
  await store.keyspaces.settled();
}
