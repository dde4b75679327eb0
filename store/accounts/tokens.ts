import type { TokenKind, TokenState, TokenView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { PersonPrincipal, Role } from '../../core/ports/identity.ts';
import { audited, type Who } from './audit.ts';
import { listClusters, readCluster } from './clusters.ts';
import { requireVerified } from './me.ts';
import { updateTokenKey, updateTokensPart } from '../update-tokens.ts';
import type { AccountsStore } from './accounts-store.ts';
import type { SecretRow } from './records.ts';
import { issueSecret, secretProblem, secretsPart } from './secrets.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

export interface TokenRequest {
  readonly kind: TokenKind;
  /** Id or name. Join and update tokens need one; the organisation's only cluster is the default. */
  readonly cluster?: string | undefined;
  /** Seconds. */
  readonly expiresIn?: number | undefined;
  /** Join tokens: how many hosts. */
  readonly uses?: number | undefined;
  /** API tokens: at most the maker's own, which is also the default. */
  readonly role?: Role | undefined;
}

const DAY = 86_400;
const SECONDS = {
  join: { usual: 3600, max: 30 * DAY },
  api: { usual: 90 * DAY, max: 365 * DAY },
  // It lies in the configuration of each host and can do nothing but ask: changing it everywhere every season would be worse.
  update: { usual: 365 * DAY, max: 3650 * DAY },
} as const;
const KINDS = ['join', 'api', 'update'] as const;
const USES_MAX = 1000;

/** The secret is in this answer and nowhere else. */
export async function createToken(
  context: AccountsContext,
  principal: PersonPrincipal,
  request: TokenRequest,
  who: Who,
): Promise<TokenView & { readonly secret: string }> {
  const { store } = context;
  const { tenant, userId } = principal;
  const { kind } = request;
  if (kind !== 'api') requireRole(principal, 'admin', `make ${kind} tokens`);
  refuseInvalid(request);
  const role = kind === 'api' ? (request.role ?? principal.role) : undefined;
  if (role) requireRole(principal, role, `make a token with the role ${role}`);
  await requireVerified(context, principal);
  const cluster = await clusterFor(context, principal, request);

  const expiresIn = lifetimeOf(request, principal, store.clock.now());
  const { tokenId } = principal;
  const issued = issueSecret(store, tenant, kind, {
    userId,
    lifetimeMs: expiresIn * 1000,
    ...(cluster === undefined ? {} : { cluster }),
    ...(role ? { role } : {}),
    ...(tokenId === undefined ? {} : { madeWith: tokenId }),
    ...(kind === 'join' ? { usesMax: request.uses ?? 1 } : {}),
  });
  const details = { expiresIn, ...(cluster ? { cluster } : {}), ...(role ? { role } : {}) };
  await store.transact([
    ...(tokenId === undefined ? [] : [stillGood(store, tenant, tokenId)]),
    ...issued.steps,
    ...(kind === 'update' && cluster !== undefined ? goodForUpdates(store, tenant, cluster, issued.row) : []),
    audited(store, tenant, who, `token.create.${kind}`, issued.id, details),
  ]);
  return { ...viewOf(issued.row, store.clock.now()), secret: issued.text };
}

/** Seconds. A token that is made with another doesn't outlive it: whoever stole one must not keep what it made. */
function lifetimeOf({ kind, expiresIn }: TokenRequest, { tokenExpiresAt }: PersonPrincipal, now: number): number {
  const left = tokenExpiresAt === undefined ? Infinity : Math.floor((tokenExpiresAt - now) / 1000);
  if (expiresIn !== undefined && expiresIn > left)
    refuse('expiresIn', `must be no more than ${left} seconds: the API token that asks expires then`);
  return expiresIn ?? Math.min(SECONDS[kind].usual, left);
}

/** The API token that asks wasn't revoked meanwhile: else what it makes would be missed by its revocation. */
function stillGood(store: AccountsStore, tenant: string, tokenId: string): Step {
  const condition = { expression: 'attribute_exists(#pk) AND attribute_not_exists(#revokedAt)' };
  return {
    write: store.forTenant(tenant).check(secretsPart('api'), tokenId, condition),
    refuse: () => new TerraneError('token_revoked'),
  };
}

/** Makes it good, unless its cluster was deleted meanwhile. */
function goodForUpdates(store: AccountsStore, tenant: string, cluster: string, { id, expiresAt }: SecretRow): Step[] {
  const items = store.forTenant(tenant);
  return [
    {
      write: items.check('org', `cluster#${cluster}`, { expression: 'attribute_exists(#pk)' }),
      refuse: () => new TerraneError('not_found', 'There is no such cluster in this organisation.'),
    },
    { write: items.put(updateTokensPart(cluster), updateTokenKey(id), { ttl: Math.ceil(expiresAt / 1000) }) },
  ];
}

/** Newest first; what is over stays for 30 days. */
export async function listTokens({ store }: AccountsContext, principal: PersonPrincipal): Promise<TokenView[]> {
  const items = store.forTenant(principal.tenant);
  const now = store.clock.now();
  const rows = await Promise.all(KINDS.map((kind) => items.list<SecretRow>(secretsPart(kind))));
  return rows
    .flat()
    .map((row) => viewOf(row, now))
    .sort((a, b) => b.createdAt - a.createdAt);
}

/** Revoking twice is fine. One's own tokens, or as an admin anyone's; with an API token, of one's own those that may do no more. */
export async function revokeToken(context: AccountsContext, principal: PersonPrincipal, id: string, who: Who): Promise<void> {
  const { store } = context;
  const items = store.forTenant(principal.tenant);
  const found = await Promise.all(KINDS.map((kind) => items.get<SecretRow>(secretsPart(kind), id)));
  const row = found.find((candidate) => candidate !== undefined);
  if (!row) throw new TerraneError('not_found', 'There is no such token.');
  if (row.userId !== principal.userId) requireRole(principal, 'admin', "revoke others' tokens");
  else if (principal.tokenId !== undefined) requireRole(principal, row.role ?? 'admin', 'revoke this token by another one');
  await revoke(context, principal.tenant, row, who);
}

/** It, and then what was made with it, and so on; again for what an earlier attempt didn't come to. */
async function revoke(context: AccountsContext, tenant: string, row: SecretRow, who: Who): Promise<void> {
  const { store } = context;
  const items = store.forTenant(tenant);
  if (row.revokedAt === undefined) {
    const values = { now: store.clock.now() };
    await store.transact([
      { write: items.change(secretsPart(row.kind), row.id, { expression: 'SET #revokedAt = :now', values }) },
      ...(row.kind === 'update' && row.cluster !== undefined
        ? [{ write: items.remove(updateTokensPart(row.cluster), updateTokenKey(row.id)) }]
        : []),
      audited(store, tenant, who, 'token.revoke', row.id, row.madeWith === undefined ? {} : { madeWith: row.madeWith }),
    ]);
  }
  if (row.kind !== 'api') return;
  const lists = await Promise.all(KINDS.map((kind) => items.list<SecretRow>(secretsPart(kind))));
  for (const made of lists.flat().filter(({ madeWith }) => madeWith === row.id)) await revoke(context, tenant, made, who);
}

function refuseInvalid({ kind, expiresIn, uses, role }: TokenRequest): void {
  const { max } = SECONDS[kind];
  if (expiresIn !== undefined && (expiresIn < 60 || expiresIn > max))
    refuse('expiresIn', `must be between 60 and ${max} seconds`);
  if (uses !== undefined && kind !== 'join') refuse('uses', 'is for join tokens: others may be used until they expire');
  if (uses !== undefined && (uses < 1 || uses > USES_MAX)) refuse('uses', `must be between 1 and ${USES_MAX}`);
  if (role !== undefined && kind !== 'api')
    refuse('role', `is for API tokens: a token of the kind ${kind} can do one thing only`);
}

async function clusterFor(
  context: AccountsContext,
  principal: PersonPrincipal,
  request: TokenRequest,
): Promise<string | undefined> {
  if (request.cluster !== undefined) return (await readCluster(context, principal, request.cluster)).id;
  if (request.kind === 'api') return undefined;
  const [only, ...others] = await listClusters(context, principal);
  if (only && others.length === 0) return only.id;
  return refuse(
    'cluster',
    only ? 'must be given: the organisation has several' : 'must exist: create one first (terrane cluster create NAME)',
  );
}

function refuse(field: string, message: string): never {
  throw new TerraneError('invalid_request', `${field} ${message}`, { details: [{ field, message }] });
}

const STATES: Readonly<Record<string, TokenState>> = { token_revoked: 'revoked', token_expired: 'expired', token_used: 'used' };

function viewOf(row: SecretRow, now: number): TokenView {
  const { id, kind, cluster, role, createdAt, userId, expiresAt, used = 0, usesMax } = row;
  return {
    id,
    kind: kind as TokenKind,
    ...(cluster === undefined ? {} : { cluster }),
    ...(role === undefined ? {} : { role }),
    ...(usesMax === undefined ? {} : { uses: { used, max: usesMax } }),
    state: STATES[secretProblem(row, now) ?? ''] ?? 'active',
    createdAt,
    createdBy: userId,
    expiresAt,
  };
}
