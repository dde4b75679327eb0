import { currentStateOf } from '../fleet/current-state.ts';
import { SLOW_CONDITION, STAYS_CONDITION } from '../node/drain.ts';
import type { Unit, UnitHost } from '../resources/schema/unit.ts';
import type { WorkloadSummary } from './workload-summary.ts';

/** How a unit stands that is wanted on a host; undefined of one that isn't. One that has ended in order is as wanted. */
export function unitSummary({ metadata, spec, status }: Unit): WorkloadSummary | undefined {
  if (spec.desiredState === 'inactive') return undefined;
  const all = status?.hosts ?? [];
  // Not where it is about to leave, nor where an earlier one of its name has yet to.
  const hosts = all.filter((host) => !leaves(host));
  const left = all.filter(leaves);
  const failed = hosts.filter(fails);
  const reached = hosts.filter(
    (host) => !fails(host) && currentStateOf({ metadata, spec, status: { hosts: [host] } }) === spec.desiredState,
  );
  const wanted = Math.max(1, hosts.length);
  const healthy = reached.length === wanted;
  const why = [...new Set([...whyNowhere(hosts, left, status), ...hosts.flatMap(trouble), ...told(status)])];
  return {
    kind: 'Unit',
    namespace: '',
    name: metadata.name,
    ready: reached.length,
    wanted,
    healthy,
    state:
      hosts.length === 0 && left.length > 0
        ? `has yet to leave ${namesOf(left)}`
        : stateOf(hosts.length, failed.length, healthy, spec.desiredState ?? 'launched'),
    // A global unit may fail on every host.
    why: why.length > REASONS_MOST ? [...why.slice(0, REASONS_MOST), `and ${why.length - REASONS_MOST} more`] : why,
  };
}

const REASONS_MOST = 5;

const leaves = ({ uid, leaving }: UnitHost): boolean => uid !== undefined || leaving !== undefined;

/** It has, or systemd starts it again and again. */
const fails = ({ activeState, subState }: UnitHost): boolean => activeState === 'failed' || subState === 'auto-restart';

const namesOf = (hosts: readonly UnitHost[]) => hosts.map(({ nodeName }) => nodeName).join(', ');

function whyNowhere(hosts: readonly UnitHost[], left: readonly UnitHost[], status: Unit['status']): string[] {
  if (hosts.length > 0) return [];
  const placed = status?.conditions?.find(({ type }) => type === 'Placed');
  if (left.length > 0) return left.map(({ nodeName, leaving }) => `${nodeName}: ${leaving ?? 'another unit has taken its name'}`);
  return placed?.message ? [placed.message] : [];
}

function trouble(host: UnitHost): string[] {
  const { nodeName, error, activeState } = host;
  if (error !== undefined) return [`${nodeName}: ${error}`];
  // Hosts of earlier versions leave it to the journal.
  if (!fails(host)) return [];
  const how = activeState === 'failed' ? 'it has failed' : 'it ends again and again, and systemd starts it anew';
  return [`${nodeName}: ${how}: its journal says why`];
}

/** What keeps it from moving. */
function told(status: Unit['status']): string[] {
  const types: readonly string[] = [STAYS_CONDITION, SLOW_CONDITION];
  return (status?.conditions ?? []).flatMap(({ type, message }) => (types.includes(type) && message ? [message] : []));
}

function stateOf(hosts: number, failed: number, healthy: boolean, desired: string): string {
  if (hosts === 0) return 'on no host';
  if (failed > 0) return `failed on ${failed} of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}`;
  return healthy ? desired : `not ${desired} yet`;
}
