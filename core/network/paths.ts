import type { AssignedNetwork, NetworkPeer } from './assigned-network.ts';
import type { Backend, BackendType } from './config.ts';

/** How packets get to a peer. `none`: not at all, and they are refused. */
export type Path = 'wireguard' | 'vxlan' | 'direct' | 'none';

/** What of this host decides it. */
export interface PathFacts {
  /** WireGuard runs here. */
  readonly wireguard: boolean;
  /** The device by which an address is reached without a router. */
  readonly onLink: (address: string) => string | undefined;
}

/** What a packet loses on its way, bytes: IPv4 headers (flannel's figures, which leave WireGuard room for IPv6). */
const OVERHEAD: Record<BackendType, number> = { wireguard: 80, vxlan: 50, 'host-gw': 0, none: 0 };
export const VXLAN_OVERHEAD = OVERHEAD.vxlan;

/** What fits into a packet of a pod: the same for all peers, whichever way they are reached. */
export function podMtu({ type, mtu }: Backend, underlayMtu: number): number {
  return mtu ?? underlayMtu - OVERHEAD[type];
}

export function pathTo({ backend }: AssignedNetwork, peer: NetworkPeer, { wireguard, onLink }: PathFacts): Path {
  switch (backend.type) {
    case 'wireguard':
      if (wireguard && peer.wireguard) return 'wireguard';
      return backend.allowUnencrypted ? 'vxlan' : 'none';
    case 'vxlan':
      return backend.directRouting && onLink(peer.address) ? 'direct' : 'vxlan';
    case 'host-gw':
      return onLink(peer.address) ? 'direct' : 'none';
    case 'none':
      return 'none';
  }
}
