import type { AssignedNetwork } from '../assigned-network.ts';

/** What a host says of its packets to other hosts: a condition of its Node, without the type. */
export interface Encryption {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

const NAMES_SHOWN = 5;
const NO_WIREGUARD = 'no WireGuard there';

/** Of a host whose WireGuard works, by the `kernel` or by a program. */
export function encryptionOf({ peers, backend, keyHolder }: AssignedNetwork, by: 'kernel' | 'userspace'): Encryption {
  const not = backend.allowUnencrypted ? 'not encrypted' : 'not sent';
  if (keyHolder !== undefined) {
    const message = `this host's key is that of node ${keyHolder}, which keeps it: packets to other hosts are ${not}. ${keyRefusedFix(keyHolder)}`;
    return { status: 'False', reason: 'WireGuardKeyRefused', message };
  }
  const reasons = new Map<string, string[]>();
  for (const peer of peers.filter(({ wireguard }) => !wireguard)) {
    const why = peer.keyHolder === undefined ? NO_WIREGUARD : `the key there is that of ${peer.keyHolder}`;
    reasons.set(why, [...(reasons.get(why) ?? []), peer.node]);
  }
  if (reasons.size === 0) return { status: 'True', reason: 'WireGuard', message: `packets to other hosts are encrypted (${by})` };
  const parts = Array.from(reasons, ([why, nodes]) => `packets to ${shortened(nodes)} are ${not}: ${why}`);
  return { status: 'False', reason: 'PeersWithoutWireGuard', message: parts.join('; ') };
}

/** What to do where a host has the key of another. */
export function keyRefusedFix(holder: string): string {
  return `Remove ${holder} if it is gone (terrane node remove); else delete wireguard.key in this host's agent's data directory and restart the agent: it makes another`;
}

function shortened(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
