import { currentStateOf } from '../fleet/current-state.ts';
import type { Unit, UnitHost } from '../resources/schema/unit.ts';
import type { WorkloadSummary } from './workload-summary.ts';

/** How a unit stands that is wanted on a host; undefined of one that isn't. One that has ended in order is as wanted. */
export function unitSummary({ metadata, spec, status }: Unit): WorkloadSummary | undefined {
  if (spec.desiredState === 'inactive') return undefined;
  // Not where it is about to leave, nor where an earlier one of its name has yet to.
  const hosts = (status?.hosts ?? []).filter(({ uid, leaving }) => uid === undefined && leaving === undefined);
  const failed = hosts.filter(fails);
  const reached = hosts.filter(
    (host) => !fails(host) && currentStateOf({ metadata, spec, status: { hosts: [host] } }) === spec.desiredState,
  );
  const wanted = Math.max(1, hosts.length);
  const placed = status?.conditions?.find(({ type }) => type === 'Placed');
  const errors = hosts.flatMap(({ nodeName, error }) => (error === undefined ? [] : [`${nodeName}: ${error}`]));
  return {
    kind: 'Unit',
    namespace: '',
    name: metadata.name,
    ready: reached.length,
    wanted,
    healthy: reached.length === wanted,
    state: stateOf(hosts.length, failed.length, reached.length === wanted, spec.desiredState ?? 'launched'),
    why: hosts.length === 0 && placed?.message ? [placed.message] : [...new Set(errors)],
  };
}

/** It has, or systemd starts it again and again. */
const fails = ({ activeState, subState }: UnitHost): boolean => activeState === 'failed' || subState === 'auto-restart';

function stateOf(hosts: number, failed: number, healthy: boolean, desired: string): string {
  if (hosts === 0) return 'on no host';
  if (failed > 0) return `failed on ${failed} of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}`;
  return healthy ? desired : `not ${desired} yet`;
}
