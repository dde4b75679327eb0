import type { Context } from 'hono';
import type { Clock } from '../../core/ports/clock.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { UpdateInstances } from '../../core/ports/update-instances.ts';
import type { UpdateTokenStates } from '../../core/ports/update-tokens.ts';
import type { PayloadDeps } from './payloads.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';

export interface UpdatesDeps extends PayloadDeps {
  readonly accounts: Pick<Accounts, 'findUpdateToken' | 'countRequest'>;
  readonly tokens: UpdateTokenStates;
  readonly keyspaces: Keyspaces;
  readonly instances: UpdateInstances;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clientIp: (c: Context) => string | undefined;
  newUid(): string;
}
