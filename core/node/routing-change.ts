import { equalJson } from '../resources/equal.ts';
import type { EndpointSlice } from '../resources/schema/endpoint-slice.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { assignedService } from './assigned-services-of.ts';

/** Whether every host has to be told of a change: what all of them route has changed. undefined: it wasn't, or isn't any more, there. */
export function changesRouting(before: AnyResource | undefined, after: AnyResource | undefined): boolean {
  const object = after ?? before;
  if (object?.kind !== 'Service' && object?.kind !== 'EndpointSlice') return false;
  return !equalJson(routed(before), routed(after));
}

function routed(object: AnyResource | undefined): unknown {
  if (object?.metadata.deletionTimestamp) return undefined;
  if (object?.kind === 'Service') return assignedService(object, []);
  return object?.kind === 'EndpointSlice' ? trafficOf(object) : undefined;
}

/** Of a slice, what may take traffic. Empty ones route as none at all. */
function trafficOf({ metadata, ports, endpoints = [] }: EndpointSlice): unknown {
  const taking = endpoints.flatMap(({ addresses, conditions: { ready, serving, terminating } = {}, ...rest }) => {
    const last = serving === true && terminating === true;
    return ready !== false || last ? [{ ...rest, address: addresses[0], ready: ready !== false, last }] : [];
  });
  return taking.length === 0 ? undefined : { labels: metadata.labels, ports, taking };
}
