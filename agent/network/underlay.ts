import { parseAddress } from '../../core/network/ipv4.ts';
import type { ObservedNetwork } from '../../core/network/kernel/state.ts';
import { deviceOf } from '../../core/network/underlay.ts';
import { noAddress, type Trouble } from './trouble.ts';

/** The way on which others reach this host. */
export interface Underlay {
  readonly address: string;
  readonly device: string;
  readonly mtu: number;
}

/** RFC 791: the length of a packet is a number of 16 bits. */
const PACKET_BYTES_MAX = 65_535;

/** By the device that has the address; or why there is none. */
export function underlayAt(address: string, observed: ObservedNetwork): Underlay | Trouble {
  const device = deviceOf(address, observed);
  if (!device || parseAddress(address) === undefined) return noAddress(address);
  // The loopback's is one more than a packet may have, and is all that a machine without a network has.
  return { address, device: device.name, mtu: Math.min(device.mtu, PACKET_BYTES_MAX) };
}
