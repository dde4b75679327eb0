import type { Backend } from './config.ts';

/** A host's part in the pods' network: what it may use, and how to reach the others. */
export interface AssignedNetwork {
  /** Of all pods, CIDR. */
  readonly network: string;
  /** This host's own part; absent: `problem` says why. */
  readonly subnet?: string;
  readonly problem?: { readonly reason: string; readonly message: string };
  readonly backend: Backend;
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  /** The node whose WireGuard key this host has reported as its own: the others don't use it, and it doesn't reach them encrypted. */
  readonly keyHolder?: string;
  /** The other hosts that take part and are heard of, by name. */
  readonly peers: readonly NetworkPeer[];
}

export interface NetworkPeer {
  readonly node: string;
  readonly subnet: string;
  /** IPv4 address on its own network. */
  readonly address: string;
  /** Of its underlay, bytes. */
  readonly mtu: number;
  /** Hardware address of its VXLAN device. */
  readonly vtepMac: string;
  /** The node whose WireGuard key it has reported as its own: that isn't believed, and it has none here. */
  readonly keyHolder?: string;
  /** Absent if it can't run WireGuard. */
  readonly wireguard?: {
    readonly publicKey: string;
    /** Where to try, the best first: ADDRESS:PORT. */
    readonly endpoints: readonly string[];
    /** Node that passes packets on, while the two don't reach each other. */
    readonly relay?: string;
  };
}
