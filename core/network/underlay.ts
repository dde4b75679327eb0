import type { ObservedLink, ObservedNetwork } from './kernel/state.ts';
import type { AssignedNetwork, NetworkPeer } from './assigned-network.ts';
import { BRIDGE_PREFIX, ROUTE_PROTOCOL } from './names.ts';
import { type Cidr, containsAddress, formatCidr, networkOf, overlaps, contains, parseAddress, parseCidr } from './ipv4.ts';
import { OWN_DEVICES } from './kernel/dumps.ts';

/** The network that a host had before ours. */

const isOurs = (device: string) => OWN_DEVICES.includes(device) || device.startsWith(BRIDGE_PREFIX);

/** The device that has this address. */
export function deviceOf(address: string, { links }: ObservedNetwork): ObservedLink | undefined {
  return links.find(({ name, addresses }) => !isOurs(name) && addresses.some((one) => one.startsWith(`${address}/`)));
}

/** What has to be known of a device. */
type Link = Pick<ObservedLink, 'name' | 'addresses'> & Partial<Pick<ObservedLink, 'up'>>;

/** The device by which `address` is reached without a router; undefined if there is none. Not by way of our own. */
export function onLink(address: string, { links }: { readonly links: readonly Link[] }): string | undefined {
  const wanted = parseAddress(address);
  if (wanted === undefined) return undefined;
  return links.find(
    ({ name, up = true, addresses }) => up && !isOurs(name) && name !== 'lo' && addresses.some((one) => coversPeer(one, wanted)),
  )?.name;
}

/** Peers that can't be reached because the backend knows routes only (host-gw), and no link of this host has them. */
export function peersOffLink(
  { backend, peers }: Pick<AssignedNetwork, 'backend' | 'peers'>,
  observed: { readonly links: readonly Link[] },
): readonly NetworkPeer[] {
  return backend.type === 'host-gw' ? peers.filter(({ address }) => !onLink(address, observed)) : [];
}

/** So many are named. */
const NAMED_MAX = 5;

/** `h3 (192.168.78.3), h4 (...) and 7 more`. */
export function namesOfPeers(peers: readonly NetworkPeer[]): string {
  const named = peers.slice(0, NAMED_MAX).map(({ node, address }) => `${node} (${address})`);
  return `${named.join(', ')}${peers.length > NAMED_MAX ? ` and ${peers.length - NAMED_MAX} more` : ''}`;
}

/** What to do about peers that are off the link. */
export const OFF_LINK_FIX =
  'put the hosts on one link, or give the Network a backend that crosses routers: vxlan with directRouting: true (hosts on one link are still reached directly), or wireguard';

function coversPeer(own: string, wanted: number): boolean {
  const block = blockOf(own);
  return block !== undefined && block.prefix < 32 && containsAddress(block, wanted);
}

/** `192.168.77.1/24` -> the block it is in. */
function blockOf(addressWithPrefix: string): Cidr | undefined {
  const [address = '', prefix = ''] = addressWithPrefix.split('/');
  const base = parseAddress(address);
  return base === undefined ? undefined : networkOf(base, Number(prefix));
}

/**
 * What of the host's own networks the pods' network would take away, in words; undefined if nothing. Routes that are wider than it may
 * stay: the narrower one wins.
 */
export function clashWith(network: string, observed: ObservedNetwork): string | undefined {
  const block = parseCidr(network);
  if (!block) return undefined;
  for (const { name, addresses } of observed.links) {
    if (isOurs(name)) continue;
    const found = addresses.flatMap((own) => blockOf(own) ?? []).find((own) => overlaps(own, block));
    if (found) return `${formatCidr(found)}, the network of ${name}`;
  }
  for (const { to, device, protocol } of observed.routes) {
    if (protocol === String(ROUTE_PROTOCOL) || (device !== undefined && isOurs(device))) continue;
    const target = parseCidr(to);
    if (target && target.prefix > 0 && contains(block, target)) return `${to}, which is routed to ${device ?? 'nowhere'}`;
  }
  return undefined;
}
