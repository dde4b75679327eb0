import { randomBytes } from 'node:crypto';
import { formatSecret, hashSecret, type ParsedSecret, parseSecret, type SecretKind } from '../../core/accounts/token-format.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { ErrorCode } from '../../core/errors/catalogue.ts';
import { type AccountsStore, ONLY } from './accounts-store.ts';
import { newId } from './ids.ts';
import type { SecretEntry, SecretRow } from './records.ts';
import type { Step } from './transact.ts';

/** How long what is over is remembered, so that its user is told "expired" or "revoked" and not "unknown". */
const REMEMBERED_MS = 30 * 86_400_000;

export type SecretFields = Pick<SecretRow, 'cluster' | 'role' | 'madeWith' | 'usesMax' | 'email' | 'ip' | 'session'> & {
  readonly userId: string;
  readonly lifetimeMs: number;
};

export interface IssuedSecret {
  readonly id: string;
  /** The only time that the secret itself exists on our side. */
  readonly text: string;
  readonly row: SecretRow;
  readonly steps: readonly Step[];
}

/** A new secret, and the steps that keep its hash. */
export function issueSecret(store: AccountsStore, tenant: string, kind: SecretKind, fields: SecretFields): IssuedSecret {
  const now = store.clock.now();
  const id = newId();
  const text = formatSecret(kind, id, randomBytes(32));
  const { lifetimeMs, ...rest } = fields;
  const expiresAt = now + lifetimeMs;
  const ttl = Math.ceil((expiresAt + REMEMBERED_MS) / 1000);
  const row: SecretRow = { ...rest, hash: hashSecret(text), kind, id, createdAt: now, expiresAt, ttl };
  if (kind === 'join') row.used = 0;
  const { userId, cluster } = fields;
  const entry: SecretEntry = { tenant, kind, id, userId, ttl, ...(kind === 'update' && cluster ? { cluster, expiresAt } : {}) };
  const steps = [
    { write: store.identity.create(`secret#${row.hash}`, ONLY, entry) },
    { write: store.forTenant(tenant).create(secretsPart(kind), id, row) },
  ];
  return { id, text, row, steps };
}

export const SECRET_KINDS: readonly SecretKind[] = ['api', 'join', 'update', 'session', 'verify', 'invite', 'reset', 'device'];

/** Where secrets of a kind are listed. */
export function secretsPart(kind: SecretKind): string {
  return `secrets#${kind}`;
}

/** Forgets a secret at once, both sides of it. */
export function forgetSecret(store: AccountsStore, tenant: string, secret: Pick<SecretRow, 'kind' | 'id' | 'hash'>): Step[] {
  return [
    { write: store.forTenant(tenant).remove(secretsPart(secret.kind), secret.id) },
    { write: store.identity.remove(`secret#${secret.hash}`, ONLY) },
  ];
}

export type FoundSecret = ParsedSecret & SecretEntry;

/** Which tenant's is it? Throws `token_garbled`, `token_wrong_kind`, or `token_unknown`. */
export async function findSecret(store: AccountsStore, text: string, kinds: readonly SecretKind[]): Promise<FoundSecret> {
  const parsed = parseSecret(text, kinds);
  const entry = await store.identity.get<SecretEntry>(`secret#${parsed.hash}`, ONLY);
  if (!entry || entry.kind !== parsed.kind)
    throw new TerraneError(parsed.kind === 'session' ? 'session_expired' : 'token_unknown');
  return { ...parsed, ...entry, kind: parsed.kind };
}

export async function readSecret(store: AccountsStore, found: FoundSecret): Promise<SecretRow | undefined> {
  return store.forTenant(found.tenant).get<SecretRow>(secretsPart(found.kind), found.id);
}

/** Why a secret is no longer good, or undefined if it is. */
export function secretProblem(row: SecretRow | undefined, now: number): ErrorCode | undefined {
  if (!row) return 'token_unknown';
  if (row.revokedAt !== undefined) return 'token_revoked';
  if (row.expiresAt <= now) return row.kind === 'session' ? 'session_expired' : 'token_expired';
  return row.usesMax !== undefined && (row.used ?? 0) >= row.usesMax ? 'token_used' : undefined;
}
