import type { ObservedLink, ObservedNetwork } from './kernel/state.ts';
import { BRIDGE_PREFIX, ROUTE_PROTOCOL } from './names.ts';
import { type Cidr, containsAddress, formatCidr, networkOf, overlaps, contains, parseAddress, parseCidr } from './ipv4.ts';
import { OWN_DEVICES } from './kernel/dumps.ts';

/** The network that a host had before ours. */

const isOurs = (device: string) => OWN_DEVICES.includes(device) || device.startsWith(BRIDGE_PREFIX);

/** The device that has this address. */
export function deviceOf(address: string, { links }: ObservedNetwork): ObservedLink | undefined {
  return links.find(({ name, addresses }) => !isOurs(name) && addresses.some((one) => one.startsWith(`${address}/`)));
}

/** The device by which `address` is reached without a router; undefined if there is none. Not by way of our own. */
export function onLink(address: string, { links }: ObservedNetwork): string | undefined {
  const wanted = parseAddress(address);
  if (wanted === undefined) return undefined;
  return links.find(
    ({ name, up, addresses }) => up && !isOurs(name) && name !== 'lo' && addresses.some((one) => coversPeer(one, wanted)),
  )?.name;
}

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
