import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { AccountsStore } from './accounts-store.ts';
import type { OrganisationRow } from './records.ts';
import type { Step } from './transact.ts';

/**
 * Counted in the organisation's own item: of two owners who leave at the same time one stays, and of two who join the last place
 * one gets it.
 */
export function countMembers(
  store: AccountsStore,
  tenant: string,
  { owners = 0, members = 0 }: { readonly owners?: number; readonly members?: number },
): Step[] {
  if (owners === 0 && members === 0) return [];
  const conditions = [
    'attribute_exists(#pk)',
    ...(owners < 0 ? ['#owners > :last'] : []),
    ...(members > 0 ? ['#members < #memberLimit'] : []),
  ];
  return [
    {
      write: store
        .forTenant(tenant)
        .change(
          'org',
          'organisation',
          { expression: 'SET #owners = #owners + :owners, #members = #members + :members', values: { owners, members } },
          { expression: conditions.join(' AND '), values: owners < 0 ? { last: 1 } : {} },
        ),
      refuse: (found) => refusal(found as OrganisationRow | undefined, members > 0),
    },
  ];
}

function refusal(organisation: OrganisationRow | undefined, joins: boolean): TerraneError {
  if (!organisation) return new TerraneError('not_found');
  if (!joins) return new TerraneError('last_owner');
  const { memberLimit, plan } = organisation;
  return new TerraneError(
    'member_limit_reached',
    `The organisation has ${memberLimit} members, as many as its plan (${plan}) allows.`,
  );
}
