import type { ClusterState } from '../controllers/types.ts';
import { findCondition } from '../controllers/conditions.ts';
import type { Node, NodeNetwork } from '../resources/schema/node.ts';
import type { AssignedNetwork, NetworkPeer } from './assigned-network.ts';
import { NETWORK_NAME, type NetworkConfig, readNetwork } from './config.ts';
import { formatCidr } from './ipv4.ts';
import { capacityOf } from './leases.ts';
import { vtepMacOf } from './names.ts';

interface Participant {
  readonly node: string;
  readonly subnet: string;
  readonly facts: NodeNetwork;
}

/**
 * What of a node concerns the other hosts' networks, as text that changes with it; undefined if nothing does. A host that is no longer
 * heard of is withdrawn: packets to its pods are refused at once instead of getting lost.
 */
export function participationOf(node: Node): string | undefined {
  const found = participantOf(node);
  return found && JSON.stringify([found.subnet, found.facts]);
}

/** Hosts that take part in the pods' network and are heard of, by name. */
export function participantNames(state: Pick<ClusterState, 'list'>): string[] {
  return participantsOf(state).all.map(({ node }) => node);
}

function participantOf({ metadata, spec, status }: Node): Participant | undefined {
  if (!spec?.podCIDR || !status?.network || metadata.deletionTimestamp) return undefined;
  if (findCondition(status.conditions, 'Ready')?.status === 'Unknown') return undefined;
  return { node: metadata.name, subnet: spec.podCIDR, facts: status.network };
}

/** The part of `nodeName`; undefined if the cluster has no network, or its backend is none. */
export function networkAssignedTo(state: Pick<ClusterState, 'get' | 'list'>, nodeName: string): AssignedNetwork | undefined {
  const network = state.get('Network', '', NETWORK_NAME);
  const config = network && readNetwork(network.spec).config;
  if (!config || config.backend.type === 'none') return undefined;
  const subnet = state.get('Node', '', nodeName)?.spec?.podCIDR;
  const { all, observed } = participantsOf(state);
  const self = all.find(({ node }) => node === nodeName);
  return {
    network: formatCidr(config.network),
    ...(subnet ? { subnet } : { problem: fullProblem(config) }),
    backend: config.backend,
    clusterDomain: config.clusterDomain,
    ...(self?.facts.keyHolder !== undefined && { keyHolder: self.facts.keyHolder }),
    peers: all.filter((one) => one !== self && one.subnet !== subnet).map((one) => peerOf(one, self, all, observed)),
  };
}

/** Why a host of this network has no subnet. */
export function fullProblem(config: NetworkConfig): { reason: string; message: string } {
  const hosts = capacityOf(config);
  return {
    reason: 'NetworkFull',
    message:
      `the network ${formatCidr(config.network)} has room for ${hosts} hosts, and all of its /${config.hostPrefix} subnets are taken: ` +
      'remove hosts that are gone, or give the Network more addresses or a longer hostPrefix',
  };
}

interface Participants {
  readonly all: readonly Participant[];
  /** Node -> where others saw its packets come from. */
  readonly observed: ReadonlyMap<string, readonly string[]>;
}

/** Each host is told of the same others: worked out once for a list of nodes, which is another as soon as one of them changes. */
const known = new WeakMap<readonly Node[], Participants>();

function participantsOf(state: Pick<ClusterState, 'list'>): Participants {
  const nodes = state.list('Node');
  let found = known.get(nodes);
  if (!found) {
    const all = nodes.flatMap((node) => participantOf(node) ?? []);
    const observed = new Map<string, string[]>();
    for (const { facts } of all) {
      for (const { node, endpoint } of facts.observed ?? []) {
        const list = observed.get(node) ?? [];
        if (!list.includes(endpoint)) list.push(endpoint);
        observed.set(node, list.sort());
      }
    }
    found = { all, observed };
    known.set(nodes, found);
  }
  return found;
}

function peerOf(
  { node, subnet, facts }: Participant,
  self: Participant | undefined,
  all: readonly Participant[],
  observed: Participants['observed'],
): NetworkPeer {
  const { address, mtu } = facts;
  // Whose key isn't its own would not be understood by any other.
  const wireguard = self?.facts.keyHolder === undefined ? facts.wireguard : undefined;
  const relay = self && wireguard && relayBetween(self, { node, subnet, facts }, all);
  return {
    node,
    subnet,
    address,
    mtu,
    vtepMac: vtepMacOf(subnet),
    ...(facts.keyHolder !== undefined && { keyHolder: facts.keyHolder }),
    ...(wireguard && {
      wireguard: {
        publicKey: wireguard.publicKey,
        endpoints: [...new Set([`${address}:${wireguard.port}`, ...(observed.get(node) ?? [])])],
        ...(relay && { relay }),
      },
    }),
  };
}

/**
 * Who passes packets on between two that don't reach each other: both ends are told the same, because WireGuard takes a subnet's packets
 * from one peer only. The first by name of those that reach both, hosts that everybody reaches before the others.
 */
function relayBetween(a: Participant, b: Participant, all: readonly Participant[]): string | undefined {
  if (!misses(a, b) && !misses(b, a)) return undefined;
  const usable = all.filter(
    (one) =>
      one !== a && one.node !== b.node && one.facts.wireguard && ![a, b].some((end) => misses(one, end) || misses(end, one)),
  );
  const open = usable.find(({ node }) => !all.some(({ facts }) => facts.unreached?.includes(node)));
  return (open ?? usable[0])?.node;
}

const misses = (from: Participant, to: Participant): boolean => from.facts.unreached?.includes(to.node) ?? false;
