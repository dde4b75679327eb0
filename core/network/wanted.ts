import type { AssignedNetwork, NetworkPeer } from './assigned-network.ts';
import { type DeviceAddress, NOTHING_WANTED, type Route, type WantedLink, type WantedNetwork } from './kernel/state.ts';
import { parseAddress, parseCidr } from './ipv4.ts';
import { tunnelAddressOf, VXLAN_DEVICE, vtepMacOf, WIREGUARD_DEVICE } from './names.ts';
import { type PathFacts, pathTo, podMtu, VXLAN_OVERHEAD } from './paths.ts';

export interface UnderlayFacts extends PathFacts {
  /** This host's own address, and the device that has it. */
  readonly address: string;
  readonly device: string;
  readonly mtu: number;
  /** Who makes the WireGuard device. */
  readonly wireguardBy: 'kernel' | 'userspace';
}

/** Behind all others: packets to pods of hosts that are not there are refused, and never leave by the default route. */
const REFUSE_METRIC = 4096;

/**
 * What the kernel should hold for this part of the network, flannel's way: for each peer one route, and with VXLAN one permanent
 * neighbour and one forwarding entry, so that nothing is ever flooded or learnt.
 */
export function wantedNetwork(assigned: AssignedNetwork, facts: UnderlayFacts): WantedNetwork {
  const { subnet, backend, peers } = assigned;
  if (!subnet || backend.type === 'none') return NOTHING_WANTED;
  const valid = peers.filter(isValid);
  const paths = new Map(valid.map((peer) => [peer, pathTo(assigned, peer, facts)]));
  const by = (path: string) => valid.filter((peer) => paths.get(peer) === path);
  const vxlan = backend.type === 'vxlan' || by('vxlan').length > 0;
  const wireguard = backend.type === 'wireguard' && facts.wireguard;
  const mtu = podMtu(backend, facts.mtu);

  const links: WantedLink[] = [];
  const addresses: DeviceAddress[] = [];
  const own = tunnelAddressOf(subnet);
  if (vxlan) {
    links.push({
      kind: 'vxlan',
      name: VXLAN_DEVICE,
      vni: backend.vni,
      port: backend.port,
      local: facts.address,
      under: facts.device,
      mac: vtepMacOf(subnet),
      mtu: backend.mtu ?? facts.mtu - VXLAN_OVERHEAD,
    });
    addresses.push({ device: VXLAN_DEVICE, address: own });
  }
  if (wireguard) {
    links.push({ kind: 'wireguard', name: WIREGUARD_DEVICE, mtu, by: facts.wireguardBy });
    addresses.push({ device: WIREGUARD_DEVICE, address: own });
  }
  return {
    links,
    addresses,
    neighbours: by('vxlan').map((peer) => ({ device: VXLAN_DEVICE, address: tunnelAddressOf(peer.subnet), mac: peer.vtepMac })),
    forwarding: by('vxlan').map((peer) => ({ device: VXLAN_DEVICE, mac: peer.vtepMac, host: peer.address })),
    routes: [
      ...valid.flatMap((peer) => routeTo(peer, paths.get(peer)!, facts, podMtu(backend, peer.mtu), mtu)),
      { to: assigned.network, metric: REFUSE_METRIC },
    ],
  };
}

function routeTo(peer: NetworkPeer, path: string, facts: UnderlayFacts, peerMtu: number, ownMtu: number): Route[] {
  const mtu = peerMtu < ownMtu ? { mtu: peerMtu } : {};
  switch (path) {
    case 'vxlan':
      return [{ to: peer.subnet, device: VXLAN_DEVICE, via: tunnelAddressOf(peer.subnet), onlink: true, ...mtu }];
    case 'wireguard':
      return [{ to: peer.subnet, device: WIREGUARD_DEVICE, ...mtu }];
    case 'direct':
      return [{ to: peer.subnet, device: facts.onLink(peer.address)!, via: peer.address, ...mtu }];
    default:
      return [];
  }
}

/** It becomes part of commands: what isn't just what it should be is left out, whoever sent it. */
function isValid({ subnet, address, vtepMac }: NetworkPeer): boolean {
  return parseCidr(subnet) !== undefined && parseAddress(address) !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(vtepMac);
}
