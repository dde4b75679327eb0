import type { Context } from 'hono';
import type { ServerInfo } from '../../../core/accounts/api.ts';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import type { Who } from '../../../store/accounts/audit.ts';
import type { ApiEnv } from '../../context.ts';

export interface AccountsApiDeps {
  readonly accounts: Accounts;
  /** What GET /v1/info tells everyone. */
  readonly info: () => ServerInfo;
  /** The caller's address. Who believes X-Forwarded-For must know its proxy, so that is for the one who wires. */
  readonly clientIp: (c: Context) => string | undefined;
  /** Deletes the Node resource of a removed host; false if there was none. */
  readonly deleteNode: (tenant: string, cluster: string, nodeName: string) => Promise<boolean>;
  /** All resources of a cluster, for an export. */
  readonly resources: (tenant: string, cluster: string) => AsyncIterable<unknown>;
  /** Where people may log in besides here. */
  readonly loginProviders: () => Promise<readonly LoginProvider[]>;
  readonly log: Logger;
}

/** Where a request came from, for audit and rate limits. */
export function originOf(c: Context, deps: Pick<AccountsApiDeps, 'clientIp'>): Omit<Who, 'actor'> {
  const ip = deps.clientIp(c);
  const requestId = c.get('requestId') as string | undefined;
  return { ...(ip === undefined ? {} : { ip }), ...(requestId === undefined ? {} : { requestId }) };
}

/** The authenticated person, for audit. */
export function whoOf(c: Context<ApiEnv>, deps: Pick<AccountsApiDeps, 'clientIp'>): Who {
  return personOf(c, c.var.principal, deps);
}

export function personOf(c: Context, principal: PersonPrincipal, deps: Pick<AccountsApiDeps, 'clientIp'>): Who {
  const { userId, email, tokenId } = principal;
  const actor = { kind: 'person' as const, id: userId, name: email, ...(tokenId === undefined ? {} : { tokenId }) };
  return { ...originOf(c, deps), actor };
}
