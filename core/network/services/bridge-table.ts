import type { Ruleset } from '../nft/ruleset.ts';

export interface PodBridge {
  readonly name: string;
  /** Its own hardware address. */
  readonly mac: string;
  /** The pods on it, CIDR. */
  readonly subnet: string;
}

export const BRIDGE_TABLE = 'terrane_services';

/**
 * What goes from one pod to another on the same bridge would never be seen by the host's IP layer: no Service's answer could be put back
 * under the Service's address, no policy could refuse it. Addressed to the bridge itself it is routed, and comes back out of it.
 * Works with and without br_netfilter.
 */
export function compileBridges(bridges: readonly Pick<PodBridge, 'mac' | 'subnet'>[]): Ruleset {
  const rules = bridges.map(
    ({ mac, subnet }) => `meta pkttype other ip saddr ${subnet} ip daddr ${subnet} meta pkttype set host ether daddr set ${mac}`,
  );
  const chains = new Map([['prerouting', { hook: 'type filter hook prerouting priority -300', rules }]]);
  return { family: 'bridge', table: BRIDGE_TABLE, sets: new Map(), chains };
}
