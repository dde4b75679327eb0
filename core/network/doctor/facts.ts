import type { AssignedNetwork } from '../assigned-network.ts';

/** What a host found out about its network, for the checks. What could not be found out is undefined, with the reason in `unknown`. */
export interface NetworkFacts {
  readonly node: string;
  /** Undefined: the cluster has no network, or this host no part in it. */
  readonly assigned: AssignedNetwork | undefined;
  /** By how much this host's clock is ahead of the control plane's, ms; undefined: not known yet. */
  readonly clockAheadMs: number | undefined;
  readonly links: readonly LinkFacts[] | undefined;
  readonly routes: readonly RouteFacts[] | undefined;
  /** Whether the kernel forwards IPv4 packets. */
  readonly ipForward: boolean | undefined;
  /** Whether packets within a bridge pass iptables: net.bridge.bridge-nf-call-iptables. */
  readonly bridgeFiltered: boolean;
  /** What `iptables -S` prints, of the tables filter and raw; undefined: there is no iptables here, or it could not be read. */
  readonly iptables: { readonly filter: string; readonly raw: string } | undefined;
  /** False: there is an iptables, and what it says could not be read (its lock is held, say). */
  readonly iptablesRead: boolean;
  /** Chains of nftables, not iptables' own, that drop what is forwarded and accept nothing between pods before that. */
  readonly droppingChains: readonly string[] | undefined;
  /** Rules by which a Docker that uses nftables drops packets between pods on their way in; undefined: it doesn't. */
  readonly dockerNftDrops?: readonly string[] | undefined;
  /** Of the VXLAN device: whether the kernel leaves UDP checksums to a card that it doesn't have. */
  readonly checksumOffload: boolean | undefined;
  /** `uname -r`. */
  readonly kernel: string;
  readonly dns: DnsProbe | undefined;
  readonly peers: readonly PeerProbe[];
  /** What could not be found out, and why. */
  readonly unknown: readonly string[];
}

export interface LinkFacts {
  readonly name: string;
  readonly mtu: number;
  readonly kind: string;
  /** IPv4, with prefix. */
  readonly addresses: readonly string[];
}

export interface RouteFacts {
  /** CIDR. */
  readonly to: string;
  readonly device: string | undefined;
  /** rtm_protocol, as iproute2 writes it. */
  readonly protocol: string;
}

export interface DnsProbe {
  /** Where the agent answers; undefined: it doesn't, and `problem` says why. */
  readonly listening: string | undefined;
  readonly problem: string | undefined;
  /** Whether an answer came from there just now. */
  readonly answered: boolean;
  readonly upstreams: readonly { readonly server: string; readonly answered: boolean }[];
}

/** A question to a peer's name server, at the gateway of its pods: both ways of the data path, and the name server, in one. */
export interface PeerProbe {
  readonly node: string;
  readonly answered: boolean;
  /** Whether one got through that fills a packet of a pod; undefined: not tried. */
  readonly answeredFull: boolean | undefined;
  /** Bytes of that packet. */
  readonly packetBytes: number;
  /** Whether the host itself answers at its own address: anything that listens, or a refusal. */
  readonly hostAnswers: boolean;
}

/** A thing that was looked at. */
export interface Finding {
  readonly check: string;
  /** `unknown`: it could not be found out. */
  readonly status: 'ok' | 'warning' | 'problem' | 'unknown';
  readonly message: string;
  /** What to do. */
  readonly fix?: string;
}

export interface Diagnosis {
  readonly node: string;
  readonly findings: readonly Finding[];
}
