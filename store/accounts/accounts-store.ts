import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../core/ports/clock.ts';
import type { UpdateToken } from '../../core/ports/update-tokens.ts';
import { ulidSource } from './ids.ts';
import { type Step, transact } from './transact.ts';
import type { TableNames } from '../dynamodb.ts';
import { KnownHosts } from './known-hosts.ts';
import { KeyedItems } from './table.ts';

/**
 * The two tables. `forTenant` is the only way into the tenant table: what it answers can't name a key of another tenant.
 * `identity` maps e-mail, secret and host key to a tenant and holds nothing else.
 */
export class AccountsStore {
  readonly identity: KeyedItems;
  readonly clock: Clock;
  /** Ids of audit records. */
  readonly nextUlid = ulidSource();
  /** Undefined: other processes write to the tables, too. */
  readonly knownHosts: KnownHosts | undefined;
  /** Update tokens that were looked up, by hash. */
  readonly updateTokens = new Map<string, UpdateToken>();
  readonly #client: DynamoDBClient;
  readonly #tables: TableNames;

  constructor(client: DynamoDBClient, tables: TableNames, clock: Clock, soleWriter = false) {
    this.#client = client;
    this.#tables = tables;
    this.clock = clock;
    this.knownHosts = soleWriter ? new KnownHosts(clock) : undefined;
    this.identity = new KeyedItems(client, tables.identity, '');
  }

  forTenant(tenant: string): KeyedItems {
    // Ids are ours (newId); anything else would be a way out of the prefix.
    if (!/^[a-z0-9]{1,32}$/.test(tenant)) throw new Error('not a tenant id');
    return new KeyedItems(this.#client, this.#tables.tenant, `${tenant}#`);
  }

  async transact(steps: readonly Step[]): Promise<void> {
    try {
      await transact(this.#client, steps);
    } finally {
      this.knownHosts?.forget();
    }
  }
}

/** The sort key of identity items that have only one. */
export const ONLY = '_';
