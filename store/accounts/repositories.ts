import type { RepositoryView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { repositoryProblem } from '../../core/images/names.ts';
import type { RepositorySettings } from '../../core/ports/image-registry.ts';
import type { PersonPrincipal } from '../../core/ports/identity.ts';
import { audited, type Who } from './audit.ts';
import type { OrganisationRow, RepositoryRow } from './records.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import type { KeyedItems } from './table.ts';
import type { Step } from './transact.ts';

/** Rows of an organisation's repositories: the registry can't list by prefix. sk = name. */
export const REPOSITORIES_PART = 'repos';

/** Repositories that an organisation may have. */
export const REPOSITORIES_MAX = 100;

/** Images without a tag are what a moved tag leaves behind: they go after two weeks unless somebody says otherwise. */
const DEFAULT_RETENTION = { untaggedDays: 14 };

export async function listRepositories(
  context: AccountsContext,
  { tenant }: PersonPrincipal,
): Promise<{ readonly prefix: string; readonly repositories: readonly RepositoryView[] }> {
  const prefix = context.images.prefix(tenant);
  const rows = await context.store.forTenant(tenant).list<RepositoryRow>(REPOSITORIES_PART);
  return { prefix, repositories: rows.filter(({ state }) => state === 'ready').map((row) => viewOf(prefix, row)) };
}

/**
 * The row comes first, as `making`: what the registry holds is never without one, so that deleting the organisation finds it. Cut short,
 * it can be asked for again.
 */
export async function createRepository(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  settings: RepositorySettings,
  who: Who,
): Promise<RepositoryView> {
  const { images, store } = context;
  const { tenant } = principal;
  requireRole(principal, 'editor', 'create repositories');
  const prefix = images.prefix(tenant);
  const problem = repositoryProblem(name);
  if (problem) throw new TerraneError('invalid_request', `name ${problem}`, { details: [{ field: 'name', message: problem }] });
  const items = store.forTenant(tenant);
  const { immutableTags = false, retention = DEFAULT_RETENTION } = settings;
  const row: RepositoryRow = { name, immutableTags, ...retention, state: 'making', createdAt: store.clock.now() };
  const before = await items.get<RepositoryRow>(REPOSITORIES_PART, name);
  const exists = () => new TerraneError('repository_exists', `The organisation has a repository ${name}.`);
  if (before?.state === 'ready') throw exists();
  if (!before) {
    await store.transact([
      { write: items.create(REPOSITORIES_PART, name, row), refuse: exists },
      oneMore(items),
      audited(store, tenant, who, 'repository.create', name),
    ]);
  }
  await images.create(tenant, name, { immutableTags, retention });
  try {
    await store.transact([ifStillThere(items, name, { ...row, state: 'ready' })]);
  } catch (error) {
    // Deleted meanwhile, as a rule with the organisation: whoever did looked before there was anything in the registry.
    if (error instanceof TerraneError && error.code === 'repository_not_found') await images.delete(tenant, name, true);
    throw error;
  }
  return viewOf(prefix, row);
}

export async function configureRepository(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  settings: RepositorySettings,
  who: Who,
): Promise<RepositoryView> {
  const { images, store } = context;
  const { tenant } = principal;
  const row = await readRepository(context, principal, name);
  requireRole(principal, 'editor', 'change repositories');
  await images.configure(tenant, name, settings);
  const { immutableTags = row.immutableTags, retention } = settings;
  const { untaggedDays: _u, keepLast: _k, ...rest } = row;
  const next: RepositoryRow = { ...rest, immutableTags, ...(retention ?? { ...retentionOf(row) }) };
  await store.transact([
    ifStillThere(store.forTenant(tenant), name, next),
    audited(store, tenant, who, 'repository.change', name),
  ]);
  return viewOf(images.prefix(tenant), next);
}

export async function deleteRepository(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  force: boolean,
  who: Who,
): Promise<void> {
  const { images, store } = context;
  const { tenant } = principal;
  await readRepository(context, principal, name);
  requireRole(principal, 'admin', 'delete repositories');
  await images.delete(tenant, name, force);
  const items = store.forTenant(tenant);
  await store.transact([
    {
      write: items.remove(REPOSITORIES_PART, name, { expression: 'attribute_exists(#pk)' }),
      refuse: () => new TerraneError('repository_not_found'),
    },
    oneLess(items),
    audited(store, tenant, who, 'repository.delete', name),
  ]);
}

/** Everything of an organisation in the registry. Safe to repeat. */
export async function deleteRepositories({ images, store }: AccountsContext, tenant: string): Promise<void> {
  const items = store.forTenant(tenant);
  for (const { name } of await items.list<RepositoryRow>(REPOSITORIES_PART)) {
    await images.delete(tenant, name, true);
    await store.transact([{ write: items.remove(REPOSITORIES_PART, name) }]);
  }
}

/** Throws repository_not_found. */
export async function readRepository(
  { images, store }: AccountsContext,
  { tenant }: PersonPrincipal,
  name: string,
): Promise<RepositoryRow> {
  // Says so where there is no registry at all.
  images.prefix(tenant);
  const row = await store.forTenant(tenant).get<RepositoryRow>(REPOSITORIES_PART, name);
  if (!row) throw new TerraneError('repository_not_found', `There is no repository ${name} in this organisation.`);
  return row;
}

/** Unless the organisation has as many as it may. */
function oneMore(items: KeyedItems): Step {
  return {
    write: items.change(
      'org',
      'organisation',
      { expression: 'SET #repositories = if_not_exists(#repositories, :none) + :one', values: { one: 1, none: 0 } },
      {
        expression: 'attribute_exists(#pk) AND (attribute_not_exists(#repositories) OR #repositories < :max)',
        values: { max: REPOSITORIES_MAX },
      },
    ),
    refuse: (found) => limitReached(found as OrganisationRow | undefined),
  };
}

function oneLess(items: KeyedItems): Step {
  const change = { expression: 'SET #repositories = #repositories - :one', values: { one: 1 } };
  return { write: items.change('org', 'organisation', change) };
}

function ifStillThere(items: KeyedItems, name: string, row: RepositoryRow): Step {
  return {
    write: items.put(REPOSITORIES_PART, name, row, { expression: 'attribute_exists(#pk)' }),
    refuse: () => new TerraneError('repository_not_found'),
  };
}

function retentionOf({ untaggedDays, keepLast }: RepositoryRow) {
  return { ...(untaggedDays !== undefined && { untaggedDays }), ...(keepLast !== undefined && { keepLast }) };
}

function viewOf(prefix: string, row: RepositoryRow): RepositoryView {
  const { name, immutableTags, createdAt } = row;
  return { name, image: `${prefix}${name}`, immutableTags, retention: retentionOf(row), createdAt };
}

function limitReached(organisation: OrganisationRow | undefined): TerraneError {
  if (!organisation) return new TerraneError('not_found');
  return new TerraneError(
    'repository_limit_reached',
    `The organisation has ${REPOSITORIES_MAX} repositories, as many as its plan allows.`,
  );
}
