import { createHash } from 'node:crypto';
import { type AccountsStore, ONLY } from './accounts-store.ts';
import type { LinkedEntry } from './records.ts';
import type { Step } from './transact.ts';

/** Who a login provider says it is: OpenID Connect's `iss` and `sub`, which together never change nor come to mean another person. */
export interface ProviderSubject {
  /** Our id of the provider. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
}

export function loginPart({ issuer, subject }: Pick<ProviderSubject, 'issuer' | 'subject'>): string {
  return `login#${createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex')}`;
}

/** `sk` is the provider. */
export function linkedLogins(store: AccountsStore, userId: string): Promise<(LinkedEntry & { sk: string })[]> {
  return store.identity.list<LinkedEntry>(`logins#${userId}`);
}

/** Both sides of it. */
export function forgetLogin(store: AccountsStore, userId: string, { sk, login }: LinkedEntry & { readonly sk: string }): Step[] {
  return [{ write: store.identity.remove(`logins#${userId}`, sk) }, { write: store.identity.remove(login, ONLY) }];
}
