import { namedServices, type ServiceToName } from './cluster-names.ts';
import type { NamesToServe } from './start-dns.ts';

/** The parts of an assignment that names are made of. */
export interface AssignmentToName {
  readonly revision: number;
  readonly network?: { readonly network: string; readonly subnet?: string; readonly clusterDomain: string };
  readonly services?: readonly ServiceToName[];
}

/** SkyDNS's own. */
const SKYDNS_DOMAINS = ['skydns.local'];

/** What is to be answered on this host, at the gateway of its containers; undefined: it has no part in the cluster's network. */
export function namesToServe({ revision, network, services = [] }: AssignmentToName): NamesToServe | undefined {
  if (!network?.subnet) return undefined;
  return {
    address: gatewayOf(network.subnet),
    network: network.network,
    domain: network.clusterDomain,
    services: namedServices(services),
    skydnsDomains: SKYDNS_DOMAINS,
    revision,
  };
}

/** What this host's containers are told to ask for names of the cluster. */
export function clusterToAsk(assignment: AssignmentToName | undefined): { server: string; domain: string } | undefined {
  const { network } = assignment ?? {};
  return network?.subnet ? { server: gatewayOf(network.subnet), domain: network.clusterDomain } : undefined;
}

/** The first address of the host's subnet. */
function gatewayOf(subnet: string): string {
  return subnet.replace(/\d+\/\d+$/, (last) => String(Number.parseInt(last, 10) + 1));
}
