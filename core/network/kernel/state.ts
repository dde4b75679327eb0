/** The part of a host's kernel that the overlay is made of: as wanted, and as it is. Addresses are texts as iproute2 writes them. */

export interface VxlanLink {
  readonly kind: 'vxlan';
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** Own address on the underlay. */
  readonly local: string;
  /** Device of the underlay. */
  readonly under: string;
  /** Hardware address. */
  readonly mac: string;
  readonly mtu: number;
}

/** The kernel's WireGuard, or the tun device of a userspace one. */
export interface WireguardLink {
  readonly kind: 'wireguard';
  readonly name: string;
  readonly mtu: number;
  /** `userspace`: a program makes the device, and it is not ours to make or replace. */
  readonly by: 'kernel' | 'userspace';
}

export type WantedLink = VxlanLink | WireguardLink;

/** One host address (/32) of a device. */
export interface DeviceAddress {
  readonly device: string;
  readonly address: string;
}

export interface Neighbour {
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/** Which host a hardware address is on (bridge fdb). */
export interface Forwarding {
  readonly device: string;
  readonly mac: string;
  readonly host: string;
}

export interface Route {
  /** CIDR. */
  readonly to: string;
  /** Absent: packets are refused (unreachable). */
  readonly device?: string;
  readonly via?: string;
  /** The gateway is on the link though no address says so. */
  readonly onlink?: boolean;
  /** What fits through, if that is less than the device takes. */
  readonly mtu?: number;
  readonly metric?: number;
}

export interface WantedNetwork {
  readonly links: readonly WantedLink[];
  readonly addresses: readonly DeviceAddress[];
  readonly neighbours: readonly Neighbour[];
  readonly forwarding: readonly Forwarding[];
  readonly routes: readonly Route[];
}

export interface ObservedLink {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: string;
  /** `vxlan`, `wireguard`, `tun`, ...; '' for a device without a kind. */
  readonly kind: string;
  readonly vxlan?: {
    readonly vni: number;
    readonly port: number;
    readonly local: string;
    readonly under: string;
    readonly learning: boolean;
  };
  /** With prefix: 192.168.77.1/24. */
  readonly addresses: readonly string[];
}

export interface ObservedRoute extends Route {
  readonly protocol: string;
}

/** Of devices, addresses and routes all there are; of neighbours and forwarding the permanent ones of our devices. */
export interface ObservedNetwork {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
  readonly neighbours: readonly Neighbour[];
  readonly forwarding: readonly Forwarding[];
}

export const NOTHING_WANTED: WantedNetwork = { links: [], addresses: [], neighbours: [], forwarding: [], routes: [] };
