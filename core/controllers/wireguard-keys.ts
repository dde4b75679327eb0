import type { Node, NodeNetwork } from '../resources/schema/node.ts';
import type { ClusterState } from './types.ts';

/** The node that has a key, if it isn't `node`; else the key is its own from now on. */
export type KeyCheck = (node: string, publicKey: string) => string | undefined;

/**
 * Packets for a host are encrypted to the key that it reports, and a WireGuard device knows its peers by their keys: who reports another's would
 * take away the path to it. A key is its first reporter's, until that one reports another or is removed: not while it reports none (its WireGuard
 * can't be had just now, or the Network has another backend), as whoever took it then would have it for good. One that many have from before
 * that was looked at is the oldest Node's. For one run: it remembers who reports what.
 */
export function keyCheck(state: ClusterState): KeyCheck {
  const holders = new Map<string, string>();
  const nodes = state.list('Node').toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  for (const node of nodes) {
    const key = ownKeyOf(node);
    if (key !== undefined && !node.metadata.deletionTimestamp && !holders.has(key)) holders.set(key, node.metadata.name);
  }
  return (node, publicKey) => {
    const holder = holders.get(publicKey);
    if (holder !== undefined && holder !== node) return holder;
    holders.set(publicKey, node);
    return undefined;
  };
}

/** The key that the node has, or had last. */
export function ownKeyOf({ status }: Pick<Node, 'status'>): string | undefined {
  return status?.network?.wireguard?.publicKey ?? status?.wireguardKey;
}

const orderOf = ({ metadata }: Node): string => `${metadata.creationTimestamp} ${metadata.name}`;

/** Without the key: the host is reached as one that can't run WireGuard, and reaches others so. */
export function withKeyOf(holder: string, network: NodeNetwork): NodeNetwork {
  const { wireguard: _, ...rest } = network;
  return { ...rest, keyHolder: holder };
}
