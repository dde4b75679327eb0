import type { Buckets } from '../../core/accounts/buckets.ts';
import { QUOTA_BYTES } from '../../core/etcd/quota.ts';
import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import type { Mailer } from '../../core/ports/mailer.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { AccountsStore } from './accounts-store.ts';
import type { Passwords } from './password.ts';
import type { RateLimits } from './rate-limits.ts';

export interface PlanLimits {
  readonly nodes: number;
  readonly clusters: number;
  readonly members: number;
  /** What the key-value stores of all clusters may take together. */
  readonly kvBytes: number;
}

/** What an organisation may have for nothing. */
export const FREE_PLAN: PlanLimits = { nodes: 10, clusters: 20, members: 50, kvBytes: QUOTA_BYTES };

export interface Lifetimes {
  readonly sessionMs: number;
  readonly verifyMs: number;
  readonly inviteMs: number;
  readonly resetMs: number;
  /** Device codes (RFC 8628). */
  readonly deviceMs: number;
}

export const LIFETIMES: Lifetimes = {
  sessionMs: 30 * 86_400_000,
  verifyMs: 86_400_000,
  inviteMs: 7 * 86_400_000,
  resetMs: 3_600_000,
  deviceMs: 900_000,
};

/** What the account operations share. */
export interface AccountsContext {
  readonly store: AccountsStore;
  readonly passwords: Passwords;
  readonly mailer: Mailer;
  readonly log: Logger;
  /** Where links in mails lead to, e.g. https://terrane.example */
  readonly publicUrl: () => string;
  /** If true, clusters and tokens are made only by people whose e-mail is verified. */
  readonly requireVerifiedEmail: boolean;
  readonly freePlan: PlanLimits;
  readonly lifetimes: Lifetimes;
  readonly rateLimits: RateLimits;
  readonly updateTokenLookUps: Buckets;
  readonly hooks: AccountsHooks;
  readonly images: ImageRegistry;
}

export interface AccountsHooks {
  /** Prepares the keyspace of a cluster before it becomes visible; may run for a cluster that then isn't made. */
  onClusterCreated?(tenant: string, cluster: string): Promise<void>;
  /** The cluster is no more, and nobody reaches it: stop looking after it. */
  onClusterDeleted?(tenant: string, cluster: string): Promise<void>;
  /** The host's key no longer works: drop its connection and its last report. */
  onNodeRevoked?(tenant: string, cluster: string, nodeName: string): Promise<void>;
}
