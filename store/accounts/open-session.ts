import type { Role } from '../../core/ports/identity.ts';
import { issueSecret } from './secrets.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

export interface OpenedSession {
  readonly tenant: string;
  readonly userId: string;
  readonly role: Role;
  /** The session token. */
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/** A session of a user in an organisation, to be written with the steps. */
export function openSession(
  { store, lifetimes }: AccountsContext,
  { tenant, userId, ip }: { tenant: string; userId: string; ip?: string | undefined },
): { readonly opened: Omit<OpenedSession, 'role'>; readonly steps: readonly Step[] } {
  const { text, row, steps } = issueSecret(store, tenant, 'session', {
    userId,
    lifetimeMs: lifetimes.sessionMs,
    ...(ip === undefined ? {} : { ip }),
  });
  return { opened: { tenant, userId, token: text, expiresAt: row.expiresAt }, steps };
}
