import { NETWORK_NAME, readNetwork } from '../network/config.ts';
import { type Cidr, containsAddress, networkOf, formatCidr, parseAddress, parseCidr } from '../network/ipv4.ts';
import type { Pod, PodStatus } from '../resources/schema/pod.ts';
import type { ClusterState } from './types.ts';

/** Whether a pod of a host can have the address that its host reports. */
export type AddressCheck = (pod: Pod, address: string) => boolean;

/**
 * Other hosts' rules for Services and policies are made of what a host says of its pods' addresses. So none may say the address of another
 * host's pod: what is in the pods' network counts only within the host's own part. Elsewhere (Docker's own bridge, a former network) a
 * host is believed; a pod on its host's network may have an address there that the network clashes with, unless it is leased.
 */
export function addressCheck(state: ClusterState): AddressCheck {
  const object = state.get('Network', '', NETWORK_NAME);
  const config = object && readNetwork(object.spec).config;
  if (!config || config.backend.type === 'none') return () => true;
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
    if (address === undefined) return true;
    for (const prefix of prefixes) {
      const holder = leased.get(formatCidr(networkOf(address, prefix)));
      if (holder !== undefined) return holder === spec.nodeName;
    }
    return spec.hostNetwork === true || !containsAddress(config.network, address);
  };
}

/** The status without the addresses that the pod can't have. */
export function withOwnAddresses(check: AddressCheck, pod: Pod, status: PodStatus): PodStatus {
  const { podIP, podIPs, ...rest } = status;
  const own = podIPs?.filter(({ ip }) => ip === undefined || check(pod, ip));
  return {
    ...rest,
    ...(podIP !== undefined && check(pod, podIP) && { podIP }),
    ...(own && own.length > 0 && { podIPs: own }),
  };
}
