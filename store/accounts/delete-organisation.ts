import { TerraneError } from '../../core/errors/terrane-error.ts';
import { DATA_KEYS_PART } from '../data-keys.ts';
import { type AccountsStore, ONLY } from './accounts-store.ts';
import { listClusters } from './clusters.ts';
import { devicePart } from './device.ts';
import { hostKeyPart, REVOKED_KEYS } from './hosts.ts';
import { forgetLogin, linkedLogins } from './linked-logins.ts';
import { listOrganisations } from './log-in.ts';
import { markGone, purgeGone } from './purge-cluster.ts';
import type { EmailEntry, HostRow, MemberRow, OrganisationRow, SecretRow, UserRow } from './records.ts';
import { REQUESTS_PART } from './request-counts.ts';
import { deleteRepositories, REPOSITORIES_MAX } from './repositories.ts';
import { forgetSecret, SECRET_KINDS, secretsPart } from './secrets.ts';
import { type Authenticated, requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';
import { requireLogin } from './user-sessions.ts';

/**
 * Removes an organisation and everything of it from both tables. People who are members of others keep their account there. The
 * one who asks goes last: if this is cut short, it can be asked for again, and goes on.
 */
export async function deleteOrganisation(
  context: AccountsContext,
  { principal, secret }: Authenticated,
  confirm: string,
): Promise<void> {
  const { store, log } = context;
  const { tenant, userId } = principal;
  requireRole(principal, 'owner', 'delete the organisation');
  requireLogin({ secret });
  const items = store.forTenant(tenant);
  const organisation = await items.get<OrganisationRow>('org', 'organisation');
  if (organisation?.name !== confirm) {
    const message = 'must be the exact name of the organisation that is to be deleted';
    throw new TerraneError('invalid_request', `confirm ${message}`, { details: [{ field: 'confirm', message }] });
  }

  // From here on nobody joins and nothing is made: the plan allows nothing.
  const values = { none: 0, full: REPOSITORIES_MAX };
  const nothing = 'SET #nodeLimit = :none, #clusterLimit = :none, #memberLimit = :none, #repositories = :full';
  await store.transact([{ write: items.change('org', 'organisation', { expression: nothing, values }) }]);
  const members = await items.list<MemberRow>('org', { prefix: 'member#' });
  for (const member of members) if (member.userId !== userId) await store.transact(leave(store, tenant, member.userId));

  await deleteClusters(context, { principal, secret });
  await deleteRepositories(context, tenant);
  for (const { sk } of await items.list(REVOKED_KEYS)) await store.identity.clear(hostKeyPart(sk));
  await items.clear(REVOKED_KEYS);
  await deleteSecrets(store, tenant, secret.id);
  for (const user of await items.list<UserRow>('users')) {
    if (user.userId !== userId) await store.transact(await moveOrForget(store, tenant, user));
  }
  for (const part of REST) await items.clear(part);
  const self = await items.get<UserRow>('users', userId);
  await store.transact([
    ...(self ? await moveOrForget(store, tenant, self) : []),
    ...leave(store, tenant, userId),
    { write: items.remove('org', 'organisation') },
    ...forgetSecret(store, tenant, secret),
  ]);
  log.info('an organisation was deleted', { tenant, by: userId });
  await sweep(context, tenant);
}

/** What is listed nowhere else. */
const REST = ['rate', 'audit', REQUESTS_PART, DATA_KEYS_PART];

/** What was written meanwhile by requests that had begun before. Nobody is left who could ask again, so a failure is the operator's. */
async function sweep({ store, log }: AccountsContext, tenant: string): Promise<void> {
  const items = store.forTenant(tenant);
  try {
    await deleteSecrets(store, tenant, '');
    for (const part of ['org', 'users', ...REST]) await items.clear(part);
  } catch (error) {
    log.error('the last look at a deleted organisation failed', { tenant, error: String(error) });
  }
}

function leave(store: AccountsStore, tenant: string, userId: string): Step[] {
  return [
    { write: store.forTenant(tenant).remove('org', `member#${userId}`) },
    { write: store.identity.remove(`user#${userId}`, tenant) },
  ];
}

async function deleteClusters(context: AccountsContext, { principal }: Authenticated): Promise<void> {
  const { store, hooks } = context;
  const { tenant } = principal;
  const items = store.forTenant(tenant);
  for (const { id, name } of await listClusters(context, principal)) {
    for (const { nodeName, publicKey } of await items.list<HostRow>(`hosts#${id}`)) {
      await store.transact([
        { write: items.remove(`hosts#${id}`, nodeName) },
        { write: store.identity.remove(hostKeyPart(publicKey), ONLY) },
      ]);
      await hooks.onNodeRevoked?.(tenant, id, nodeName);
    }
    await store.transact([
      { write: items.remove('org', `cluster#${id}`) },
      { write: items.remove('org', `cluster-name#${name}`) },
      markGone(store, tenant, id),
    ]);
  }
  await purgeGone(context, tenant);
}

async function deleteSecrets(store: AccountsStore, tenant: string, exceptId: string): Promise<void> {
  for (const kind of SECRET_KINDS) {
    for (const row of await store.forTenant(tenant).list<SecretRow>(secretsPart(kind))) {
      if (row.id === exceptId) continue;
      if (kind === 'device') await store.identity.clear(devicePart(row.hash));
      await store.transact(forgetSecret(store, tenant, row));
    }
  }
}

/** An account lives in the organisation that it was made with: it moves to the next one, or ends with the last. */
async function moveOrForget(store: AccountsStore, tenant: string, user: UserRow): Promise<Step[]> {
  const { userId, email } = user;
  const remove: Step = { write: store.forTenant(tenant).remove('users', userId) };
  const others = (await listOrganisations(store, userId)).filter(({ id }) => id !== tenant);
  const [next] = others;
  if (!next) {
    const logins = (await linkedLogins(store, userId)).flatMap((entry) => forgetLogin(store, userId, entry));
    return [remove, { write: store.identity.remove(`email#${email}`, ONLY) }, ...logins];
  }
  const entry: EmailEntry = { tenant: next.id, userId };
  const { password, verifiedAt, createdAt } = user;
  const moved: UserRow = {
    userId,
    email,
    createdAt,
    ...(password === undefined ? {} : { password }),
    ...(verifiedAt === undefined ? {} : { verifiedAt }),
  };
  return [
    remove,
    { write: store.forTenant(next.id).put('users', userId, moved) },
    { write: store.identity.put(`email#${email}`, ONLY, entry) },
    ...others.map(({ id }) => ({
      write: store
        .forTenant(id)
        .change(
          'org',
          `member#${userId}`,
          { expression: 'SET #home = :home', values: { home: next.id } },
          { expression: 'attribute_exists(#pk)' },
        ),
      refuse: () => new TerraneError('busy'),
    })),
  ];
}
