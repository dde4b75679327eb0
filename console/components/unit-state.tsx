import { isTemplate } from '../../core/fleet/unit-name.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { unitSummary } from '../../core/status/unit-summary.ts';
import { plural } from '../format.ts';
import { Badge } from './badge.tsx';

/** How a unit stands, and if not as it should, why. */
export function UnitState({ unit }: { readonly unit: Unit }) {
  if (unit.metadata.deletionTimestamp) return <Badge tone="warn">Being destroyed</Badge>;
  const summary = unitSummary(unit);
  if (!summary) return <Badge tone="plain">{isTemplate(unit.metadata.name) ? 'Template' : 'Inactive'}</Badge>;
  const { healthy, state, why } = summary;
  return (
    <>
      <Badge tone={healthy ? 'good' : why.length > 0 ? 'bad' : 'warn'}>
        {healthy ? 'Healthy' : why.length > 0 ? 'Trouble' : 'On its way'}
      </Badge>{' '}
      {state}
      {why.map((reason) => (
        <p key={reason} class="why">
          {reason}
        </p>
      ))}
    </>
  );
}

/** Where it is, in a word. */
export function hostsOf({ status }: Unit): string {
  const hosts = status?.hosts ?? [];
  if (hosts.length === 0) return 'no host';
  return hosts.length > 2 ? plural(hosts.length, 'host') : hosts.map(({ nodeName }) => nodeName).join(', ');
}

export function unitPath(clusterId: string, name: string): string {
  return `/cluster/${clusterId}/units/${encodeURIComponent(name)}`;
}
