import { formatAddress, parseCidr } from './ipv4.ts';

/** What the overlay is called on a host. What doesn't bear one of these marks is somebody else's, and is never touched. */

/** Device for packets in VXLAN. */
export const VXLAN_DEVICE = 'terrane-vx';
/** Device for packets in WireGuard. */
export const WIREGUARD_DEVICE = 'terrane-wg';
/** rtm_protocol of our routes (rtnetlink(7)): none that iproute2 or a routing daemon knows. */
export const ROUTE_PROTOCOL = 84;
/** The nftables table (family ip) of the overlay. */
export const NETWORK_TABLE = 'terrane_network';

/**
 * The bridge of a host's pods, made by Docker: `trn-0af40500` for 10.244.5.0/24. The name says the lease, so that a host whose lease has
 * changed can have both until its last pod on the old one is gone.
 */
export function bridgeOf(subnet: string): string {
  return `${BRIDGE_PREFIX}${baseOf(subnet).toString(16).padStart(8, '0')}`;
}
export const BRIDGE_PREFIX = 'trn-';

/** Docker's name of the network on that bridge. */
export function dockerNetworkOf(subnet: string): string {
  return `terrane-${subnet.replace('/', '-')}`;
}

/** The bridge's own address: the pods' gateway, 10.244.5.1 for 10.244.5.0/24. */
export function gatewayOf(subnet: string): string {
  return formatAddress(baseOf(subnet) + 1);
}

/** The address of a host's tunnel devices, 10.244.5.0 for 10.244.5.0/24: no pod can have it. */
export function tunnelAddressOf(subnet: string): string {
  return formatAddress(baseOf(subnet));
}

/**
 * The hardware address of a host's VXLAN device: locally administered, and follows from the lease, so that it is the same after each
 * restart and no host can claim another's.
 */
export function vtepMacOf(subnet: string): string {
  const base = baseOf(subnet);
  return [0x02, 0x54, ...[24, 16, 8, 0].map((shift) => (base >>> shift) & 255)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
}

function baseOf(subnet: string): number {
  const cidr = parseCidr(subnet);
  if (!cidr) throw new Error(`${subnet} is no subnet`);
  return cidr.base;
}
