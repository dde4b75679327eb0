import type { Assignment } from '../../core/node/assignment.ts';
import { namedServices } from './cluster-names.ts';
import { gatewayOf } from '../../core/network/names.ts';
import type { NamesToServe } from './start-dns.ts';

/** The parts of an assignment that names are made of. */
type AssignmentToName = Pick<Assignment, 'revision' | 'network' | 'services' | 'dns'>;

/** SkyDNS's own. */
const SKYDNS_DOMAINS = ['skydns.local'];

/** What is to be answered on this host, at the gateway of its containers; undefined: it has no part in the cluster's network. */
export function namesToServe({ revision, network, services = [], dns = {} }: AssignmentToName): NamesToServe | undefined {
  if (!network?.subnet) return undefined;
  return {
    address: gatewayOf(network.subnet),
    network: network.network,
    domain: network.clusterDomain,
    services: namedServices(services),
    skydnsDomains: dns.skydnsDomains ?? SKYDNS_DOMAINS,
    upstreams: dns.servers,
    revision,
  };
}

/**
 * What this host's containers are told to ask for names of the cluster; undefined: they aren't in its network. `onIt`: this host's bridge
 * is there.
 */
export function clusterToAsk(
  assignment: AssignmentToName | undefined,
  onIt: boolean,
): { server: string; domain: string } | undefined {
  const { network } = assignment ?? {};
  if (!network?.subnet || !onIt) return undefined;
  return { server: gatewayOf(network.subnet), domain: network.clusterDomain };
}
