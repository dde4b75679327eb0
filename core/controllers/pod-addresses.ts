import { NETWORK_NAME, readNetwork } from '../network/config.ts';
import { type Cidr, containsAddress, networkOf, formatCidr, parseAddress, parseCidr } from '../network/ipv4.ts';
import type { Pod, PodStatus } from '../resources/schema/pod.ts';
import type { ClusterState } from './types.ts';

/** Why a pod can't have the address that its host reports, said of the address; undefined if it can. */
export type AddressCheck = (pod: Pod, address: string) => string | undefined;

/**
 * Other hosts' rules for Services and policies are made of what a host says of its pods' addresses. So none may say the address of another
 * host's pod: what is in the pods' network counts only within the host's own part. Elsewhere (Docker's own bridge, a former network) a
 * host is believed; a pod on its host's network may have an address there that the network clashes with, unless it is leased.
 */
export function addressCheck(state: ClusterState): AddressCheck {
  const object = state.get('Network', '', NETWORK_NAME);
  const config = object && readNetwork(object.spec).config;
  if (!config || config.backend.type === 'none') return () => undefined;
  const leased = new Map<string, string>();
  const prefixes = new Set<number>();
  for (const { metadata, spec } of state.list('Node')) {
    const subnet: Cidr | undefined = spec?.podCIDR === undefined ? undefined : parseCidr(spec.podCIDR);
    if (!subnet) continue;
    leased.set(formatCidr(subnet), metadata.name);
    prefixes.add(subnet.prefix);
  }
  return ({ spec }, text) => {
    const address = parseAddress(text);
    // What is no address is nobody's: it is never acted on.
    if (address === undefined) return undefined;
    for (const prefix of prefixes) {
      const subnet = formatCidr(networkOf(address, prefix));
      const holder = leased.get(subnet);
      if (holder === spec.nodeName) return undefined;
      if (holder !== undefined) return `is in ${subnet}, which is node ${holder}'s`;
    }
    if (spec.hostNetwork === true || !containsAddress(config.network, address)) return undefined;
    return `is in the pods' network ${formatCidr(config.network)}, but not in that node's part of it`;
  };
}

/** The status without the addresses that the pod can't have, and why it can't have those. */
export function withOwnAddresses(
  check: AddressCheck,
  pod: Pod,
  status: PodStatus,
): { readonly own: PodStatus; readonly refused: ReadonlyMap<string, string> } {
  const { podIP, podIPs, ...rest } = status;
  const refused = new Map<string, string>();
  const isOwn = (address: string) => {
    const why = check(pod, address);
    if (why !== undefined) refused.set(address, why);
    return why === undefined;
  };
  const list = podIPs?.filter(({ ip }) => ip === undefined || isOwn(ip));
  const own = {
    ...rest,
    ...(podIP !== undefined && isOwn(podIP) && { podIP }),
    ...(list && list.length > 0 && { podIPs: list }),
  };
  return { own, refused };
}
