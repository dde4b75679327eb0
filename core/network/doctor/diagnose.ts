import type { Diagnosis, Finding, NetworkFacts } from './facts.ts';
import * as host from './host-checks.ts';
import * as path from './path-checks.ts';
import type { Check } from './host-checks.ts';

interface Entry {
  readonly check: Check;
  /** Said when there is nothing to find fault with. */
  readonly fine: (facts: NetworkFacts) => string;
  /** Whether there is anything to judge by; else it is unknown. */
  readonly known?: (facts: NetworkFacts) => boolean;
}

/** In the order in which troubles should be dealt with: an earlier one may be the cause of a later one. */
const CHECKS: Readonly<Record<string, Entry>> = {
  clock: {
    check: host.clock,
    fine: () => "the host's clock agrees with the control plane's",
    known: (f) => f.clockAheadMs !== undefined,
  },
  subnet: { check: host.subnet, fine: ({ assigned }) => `this host has ${assigned?.subnet} of ${assigned?.network}` },
  overlap: {
    check: host.overlap,
    fine: () => "the pods' network overlaps none of the host's",
    known: (f) => f.links !== undefined && f.routes !== undefined,
  },
  duplicates: { check: host.duplicates, fine: () => 'each host has an address and a subnet of its own' },
  'ip-forward': { check: host.ipForward, fine: () => 'the kernel forwards packets', known: (f) => f.ipForward !== undefined },
  'forward-policy': {
    check: host.forwardPolicy,
    fine: () => 'no firewall drops what is forwarded between pods',
    known: (f) => f.iptablesRead && f.droppingChains !== undefined,
  },
  'docker-raw-drop': {
    check: host.dockerRawDrop,
    fine: () => "Docker doesn't drop what comes from other hosts",
    known: (f) => f.iptablesRead,
  },
  encryption: {
    check: host.encryption,
    fine: ({ assigned }) =>
      assigned?.backend.type === 'wireguard'
        ? 'packets between hosts are encrypted'
        : `the backend ${assigned?.backend.type} does not encrypt, as chosen`,
    known: (f) => f.links !== undefined,
  },
  mtu: { check: host.mtu, fine: () => "the pods' packets fit into the host's", known: (f) => f.links !== undefined },
  'checksum-offload': { check: host.checksumOffload, fine: () => 'checksums of tunnelled packets are right' },
  'on-link': {
    check: path.offLink,
    fine: ({ assigned }) =>
      assigned?.backend.type === 'host-gw' ? 'all other hosts are on a link of this one' : 'other hosts may be anywhere',
    known: (f) => f.links !== undefined,
  },
  routes: {
    check: host.peerRoutes,
    fine: ({ assigned }) => `a route leads to each of the ${assigned?.peers.length} other hosts`,
    known: (f) => f.routes !== undefined,
  },
  peers: {
    check: path.peers,
    fine: ({ peers }) =>
      peers.length === 0
        ? 'there are no other hosts to reach'
        : `${peers.length} of ${peers.length} other hosts that were tried answer through the pods' network`,
  },
  'packet-size': {
    check: path.packetSize,
    fine: ({ peers }) =>
      peers.length === 0
        ? 'there are no other hosts to reach'
        : peers.some(({ answered }) => answered)
          ? 'packets as large as pods send them get through'
          : 'not tried: no other host answers',
  },
  dns: {
    check: path.dns,
    fine: ({ dns }) => `names are answered at ${dns?.listening}, and the host's own name servers answer`,
    known: (f) => f.dns !== undefined,
  },
};

export const CHECK_NAMES = Object.keys(CHECKS);

/** What is wrong with a host's network, and what to do about it. Every check is named, whether it found something or not. */
export function diagnose(facts: NetworkFacts): Diagnosis {
  const { node, assigned } = facts;
  if (!assigned) {
    const message =
      "this host takes no part in a network of the cluster: pods are on Docker's own bridge, and hosts don't reach each other's";
    return { node, findings: [...findingsOf('clock', facts, NO_NETWORK), { check: 'subnet', status: 'ok', message }] };
  }
  return { node, findings: CHECK_NAMES.flatMap((name) => findingsOf(name, facts, assigned)) };
}

function findingsOf(name: string, facts: NetworkFacts, assigned: NonNullable<NetworkFacts['assigned']>): Finding[] {
  const { check, fine, known } = CHECKS[name]!;
  if (known && !known(facts)) {
    const why = facts.unknown.length > 0 ? `: ${facts.unknown.join('; ')}` : '';
    return [{ check: name, status: 'unknown', message: `could not be found out${why}` }];
  }
  const found = check(facts, assigned);
  if (found.length === 0) return [{ check: name, status: 'ok', message: fine(facts) }];
  return found.map((finding) => ({ check: name, ...finding }));
}

const NO_NETWORK: NonNullable<NetworkFacts['assigned']> = {
  network: '',
  clusterDomain: '',
  peers: [],
  backend: { type: 'none', vni: 0, port: 0, directRouting: false, listenPort: 0, keepaliveSeconds: 0, allowUnencrypted: false },
};

export function isSick({ findings }: Diagnosis): boolean {
  return findings.some(({ status }) => status === 'problem');
}
