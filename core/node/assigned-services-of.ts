import { slicesOf } from '../controllers/endpoints/slices-of.ts';
import type { ClusterState } from '../controllers/types.ts';
import { contentDigest } from '../controllers/digest.ts';
import type { EndpointSlice, SliceEndpoint } from '../resources/schema/endpoint-slice.ts';
import type { Service } from '../resources/schema/service.ts';
import type { AssignedEndpoint, AssignedPort, AssignedService, AssignedSubset } from './assigned-services.ts';

/** Stored objects don't change: the same Service with the same slices is compiled once, whatever else changes in the cluster. */
const compiled = new WeakMap<Service, { readonly slices: readonly EndpointSlice[]; readonly service: AssignedService }>();
const lists = new WeakMap<
  readonly Service[],
  { readonly slices: readonly EndpointSlice[]; readonly all: readonly AssignedService[] }
>();
const digests = new WeakMap<readonly AssignedService[], string>();
const digestsOfOne = new WeakMap<AssignedService, string>();

/** The same for all hosts of the cluster, and computed once for all that ask at one revision. */
export function assignedServicesOf(state: Pick<ClusterState, 'list'>): readonly AssignedService[] {
  const services = state.list('Service');
  const slices = state.list('EndpointSlice');
  const known = lists.get(services);
  if (known?.slices === slices) return known.all;
  const all = services
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map((each) => assignedService(each, slicesOf(state, each)));
  lists.set(services, { slices, all });
  return all;
}

/** Equal for equal lists. Costs what changed since it was last asked for, not the size of the list. */
export function servicesDigest(services: readonly AssignedService[]): string {
  let digest = digests.get(services);
  if (digest === undefined) digests.set(services, (digest = contentDigest(services.map(digestOfOne))));
  return digest;
}

function digestOfOne(service: AssignedService): string {
  let digest = digestsOfOne.get(service);
  if (digest === undefined) digestsOfOne.set(service, (digest = contentDigest(service)));
  return digest;
}

/** As hosts see it. Two states of a Service that hosts route alike are equal. */
export function assignedService(service: Service, slices: readonly EndpointSlice[]): AssignedService {
  const known = compiled.get(service);
  if (known && known.slices.length === slices.length && known.slices.every((slice, index) => slice === slices[index]))
    return known.service;
  const made = compile(service, slices);
  compiled.set(service, { slices, service: made });
  return made;
}

function compile({ metadata, spec = {} }: Service, slices: readonly EndpointSlice[]): AssignedService {
  const { type = 'ClusterIP', clusterIP, externalIPs, externalTrafficPolicy, internalTrafficPolicy } = spec;
  const names = { namespace: metadata.namespace ?? '', name: metadata.name, type };
  if (type === 'ExternalName')
    return { ...names, externalName: (spec.externalName ?? '').replace(/\.$/, ''), ports: [], subsets: [] };
  const affinity = spec.sessionAffinity === 'ClientIP' ? spec.sessionAffinityConfig?.clientIP?.timeoutSeconds : undefined;
  const ports = (spec.ports ?? []).map(
    ({ name, protocol = 'TCP', port, nodePort }): AssignedPort => ({
      ...(name && { name }),
      protocol,
      port,
      ...(nodePort && { nodePort }),
    }),
  );
  return {
    ...names,
    ...(clusterIP && clusterIP !== 'None' && { clusterIP }),
    ...(externalIPs?.length && { externalIPs }),
    ...(affinity !== undefined && { affinitySeconds: affinity }),
    ...(externalTrafficPolicy === 'Local' && { externalLocal: true as const }),
    ...(internalTrafficPolicy === 'Local' && { internalLocal: true as const }),
    ports,
    subsets: subsetsOf(ports, slices),
  };
}

function subsetsOf(ports: readonly AssignedPort[], slices: readonly EndpointSlice[]): AssignedSubset[] {
  const living = slices.filter(({ metadata }) => !metadata.deletionTimestamp);
  const ready = subsetsWith(ports, living, ({ conditions }) => conditions?.ready !== false);
  if (ready.length > 0) return ready;
  // All of them end: what still serves is better than nothing (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#terminating).
  return subsetsWith(ports, living, ({ conditions }) => conditions?.serving === true && conditions.terminating === true);
}

function subsetsWith(
  ports: readonly AssignedPort[],
  slices: readonly EndpointSlice[],
  takesTraffic: (endpoint: SliceEndpoint) => boolean,
): AssignedSubset[] {
  const byPorts = new Map<string, { ports: (number | null)[]; endpoints: Map<string, AssignedEndpoint> }>();
  for (const slice of slices) {
    const numbers = ports.map(({ name = '', protocol }) => {
      const found = slice.ports?.find((port) => (port.name ?? '') === name && (port.protocol ?? 'TCP') === protocol);
      return found?.port ?? null;
    });
    const key = numbers.join(',');
    for (const endpoint of (slice.endpoints ?? []).filter(takesTraffic)) {
      let subset = byPorts.get(key);
      if (!subset) byPorts.set(key, (subset = { ports: numbers, endpoints: new Map() }));
      for (const ip of endpoint.addresses.slice(0, 1)) subset.endpoints.set(ip, assignedEndpoint(ip, endpoint));
    }
  }
  return [...byPorts].sort(inOrder).map(([, subset]) => ({
    ports: subset.ports,
    endpoints: [...subset.endpoints].sort(inOrder).map(([, endpoint]) => endpoint),
  }));
}

const inOrder = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);

function assignedEndpoint(ip: string, { nodeName, hostname, targetRef }: SliceEndpoint): AssignedEndpoint {
  return {
    ip,
    ...(nodeName && { node: nodeName }),
    ...(hostname && { hostname }),
    ...(targetRef?.kind === 'Pod' && targetRef.name && { pod: targetRef.name }),
  };
}
