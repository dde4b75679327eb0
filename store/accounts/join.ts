import { nodeNameAttempt, nodeNameFrom } from '../../core/accounts/node-name.ts';
import { networkOf } from '../../core/accounts/network-of.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { sameSecret } from '../../core/secrets/same-secret.ts';
import type { JoinRequest, JoinResponse } from '../../core/node/join.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import { newId } from './ids.ts';
import { takeToken } from './rate-limits.ts';
import type { HostKeyEntry, HostRow, OrganisationRow, SecretRow } from './records.ts';
import { findSecret, type FoundSecret, readSecret, secretProblem, secretsPart } from './secrets.ts';
import type { AccountsContext } from './settings.ts';
import { hostKeyPart } from './hosts.ts';
import { parseSecret } from '../../core/accounts/token-format.ts';

/** The wished name went to another host, or this key joined meanwhile: look again. */
class LookAgain extends Error {}

const ATTEMPTS_MAX = 20;

/**
 * Redeems a join token: one transaction takes a use of the token and a node of the plan, and registers key and name. That the
 * caller holds the private key must have been checked. The same key with the same token gets the same answer, so that a host
 * whose answer was lost just asks again, even with a token that is used up by then.
 */
export async function join(context: AccountsContext, request: JoinRequest, origin: Omit<Who, 'actor'>): Promise<JoinResponse> {
  const { store, rateLimits } = context;
  await takeToken(store, rateLimits.joinPerIp, { name: 'joinPerIp', of: networkOf(origin.ip) });
  const { hash } = parseSecret(request.token, ['join']);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const known = await store.identity.get<HostKeyEntry>(hostKeyPart(request.publicKey), ONLY);
    if (known?.status === 'revoked') throw new TerraneError('host_revoked');
    if (known && sameSecret(known.tokenHash, hash)) return answer(context, known);

    const found = await findSecret(store, request.token, ['join']);
    const token = await readSecret(store, found);
    if (attempt === 1) {
      await takeToken(store, rateLimits.joinPerTenant, { name: 'joinPerTenant', of: found.tenant, tenant: found.tenant });
    }
    if (known) return rejoin(context, known, found, token);
    try {
      return await register(context, request, found, token, origin);
    } catch (error) {
      if (!(error instanceof LookAgain)) throw error;
    }
  }
  throw new TerraneError('busy', undefined, { retryAfter: 1 });
}

/** A host that has joined, with another good token: of the same cluster it changes nothing and uses nothing up. */
function rejoin(context: AccountsContext, known: HostKeyEntry, found: FoundSecret, token: SecretRow | undefined): JoinResponse {
  const problem = secretProblem(token, context.store.clock.now());
  if (problem) throw new TerraneError(problem);
  if (known.tenant !== found.tenant || known.cluster !== token?.cluster) throw new TerraneError('host_already_joined');
  return answer(context, known);
}

async function register(
  context: AccountsContext,
  request: JoinRequest,
  found: FoundSecret,
  token: SecretRow | undefined,
  origin: Omit<Who, 'actor'>,
): Promise<JoinResponse> {
  const { store } = context;
  const { tenant, hash } = found;
  const cluster = token?.cluster;
  if (!token || cluster === undefined) throw new TerraneError('token_unknown');
  const now = store.clock.now();
  const items = store.forTenant(tenant);
  const lookAgain = () => new LookAgain();
  const hostId = newId();
  const nodeName = await freeName(context, tenant, cluster, request.name);
  const entry: HostKeyEntry = { tenant, cluster, hostId, nodeName, tokenHash: hash, status: 'active' };
  const host: HostRow = { hostId, nodeName, publicKey: request.publicKey, joinedAt: now, joinedWith: token.id };
  const who: Who = { ...origin, actor: { kind: 'host', id: hostId, name: nodeName, tokenId: token.id } };
  const one = { one: 1 };

  await store.transact([
    { write: store.identity.create(hostKeyPart(request.publicKey), ONLY, entry), refuse: lookAgain },
    {
      write: items.change(
        secretsPart('join'),
        token.id,
        { expression: 'SET #used = #used + :one', values: one },
        { expression: 'attribute_not_exists(#revokedAt) AND #expiresAt > :now AND #used < #usesMax', values: { now } },
      ),
      refuse: (row) => new TerraneError(secretProblem(row as SecretRow | undefined, now) ?? 'token_unknown'),
    },
    {
      // As with API tokens, what a token may do is bounded by what its maker may still do.
      write: items.check('org', `member#${token.userId}`, {
        expression: '#role = :owner OR #role = :admin',
        values: { owner: 'owner', admin: 'admin' },
      }),
      refuse: () =>
        new TerraneError('token_revoked', 'Whoever made this join token may no longer add nodes to the organisation.', {
          fix: 'Let an owner or admin make a new one (terrane token create --kind join).',
        }),
    },
    {
      write: items.change(
        'org',
        'organisation',
        { expression: 'SET #nodes = #nodes + :one', values: one },
        { expression: '#nodes < #nodeLimit' },
      ),
      refuse: (row) => nodeLimit(row as OrganisationRow | undefined),
    },
    {
      write: items.change(
        'org',
        `cluster#${cluster}`,
        { expression: 'SET #nodes = #nodes + :one', values: one },
        { expression: 'attribute_exists(#pk)' },
      ),
      refuse: () => new TerraneError('token_revoked', 'The cluster that this token was made for was deleted.'),
    },
    { write: items.create(`hosts#${cluster}`, nodeName, host), refuse: lookAgain },
    audited(store, tenant, who, 'node.join', nodeName, { cluster, hostId }),
  ]);
  return answer(context, entry);
}

/** The wished name, or the first of name-2, name-3 … that no other host of the cluster has. */
async function freeName({ store }: AccountsContext, tenant: string, cluster: string, wish: string): Promise<string> {
  const items = store.forTenant(tenant);
  const name = nodeNameFrom(wish);
  if (!(await items.get<HostRow>(`hosts#${cluster}`, name))) return name;
  const taken = new Set((await items.list<HostRow>(`hosts#${cluster}`)).map((host) => host.nodeName));
  for (let attempt = 2; ; attempt++) {
    const candidate = nodeNameAttempt(name, attempt);
    if (!taken.has(candidate)) return candidate;
  }
}

function nodeLimit(organisation: OrganisationRow | undefined): TerraneError {
  const { nodes = 0, nodeLimit: limit = 0, plan = 'free' } = organisation ?? {};
  return new TerraneError(
    'node_limit_reached',
    `The organisation has ${nodes} of the ${limit} nodes that its plan (${plan}) allows.`,
  );
}

function answer({ store }: AccountsContext, entry: HostKeyEntry): JoinResponse {
  const { hostId, nodeName, tenant, cluster } = entry;
  return { hostId, nodeName, tenant, cluster, serverTime: store.clock.now() };
}
