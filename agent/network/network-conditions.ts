import type { AssignedNetwork, NetworkPeer } from '../../core/network/assigned-network.ts';
import { containsAddress, parseAddress, parseCidr } from '../../core/network/ipv4.ts';
import { namesOfPeers, OFF_LINK_FIX } from '../../core/network/underlay.ts';
import type { EventLog } from '../event-log.ts';
import type { Verdict } from '../node/conditions.ts';
import type { Trouble } from './trouble.ts';

/** What people are told of a host's part in the pods' network: conditions of its node, and Events when one begins or ends. */
export interface NetworkConditions {
  readonly trouble: Trouble | undefined;
  /** How the last look at it ended; undefined: well, or as the look before. */
  settle(next: Trouble | undefined): void;
  /** This host's pods are on that subnet; undefined: on none. */
  ready(subnet: string | undefined): void;
  /** Peers that the backend can't reach from here. */
  offLink(peers: readonly NetworkPeer[]): void;
  verdicts(): Verdict[];
}

export interface NetworkConditionsOptions {
  readonly assigned: () => AssignedNetwork | undefined;
  /** Addresses of this host's running pods. */
  readonly podAddresses: () => readonly string[];
  /** NetworkEncrypted, with WireGuard. */
  readonly encryption: (assigned: AssignedNetwork) => Verdict;
  readonly events: EventLog;
}

export function networkConditions({ assigned, podAddresses, encryption, events }: NetworkConditionsOptions): NetworkConditions {
  let trouble: Trouble | undefined;
  let ready: string | undefined;
  /** In words, or empty. */
  let offLink = '';
  /** What was last said of packets that are not encrypted. */
  let unencrypted: string | undefined;

  function verdicts(): Verdict[] {
    const type = 'NetworkUnavailable';
    if (trouble) return [{ type, status: 'True', ...trouble }];
    const network = assigned();
    if (!ready || !network?.subnet) return [];
    const beside = `${offLink && `; ${offLink}`}${outside(network.subnet, podAddresses())}`;
    const message = `this host's pods have ${ready}${beside}`;
    const encrypted = network.backend.type === 'wireguard' ? [encryption(network)] : [];
    return [{ type, status: 'False', reason: 'NetworkReady', message }, ...encrypted];
  }

  return {
    get trouble() {
      return trouble;
    },
    verdicts,
    settle(next) {
      if (next && next.message !== trouble?.message) events.add({ type: 'Warning', ...next });
      if (!next && trouble)
        events.add({ type: 'Normal', reason: 'NetworkReady', message: "this host's part of the pods' network works" });
      if (next) ready = undefined;
      trouble = next;
      const encrypted = verdicts().find(({ type }) => type === 'NetworkEncrypted');
      if (encrypted?.status === 'False' && encrypted.message !== unencrypted)
        events.add({ type: 'Warning', reason: 'NetworkNotEncrypted', message: encrypted.message });
      unencrypted = encrypted?.status === 'False' ? encrypted.message : undefined;
    },
    ready(subnet) {
      ready = subnet;
    },
    offLink(peers) {
      const many = peers.length === 1 ? '1 host is' : `${peers.length} hosts are`;
      const message =
        peers.length === 0 ? '' : `${many} not on a link of this one, and host-gw reaches no others: ${namesOfPeers(peers)}`;
      if (message !== '' && message !== offLink)
        events.add({ type: 'Warning', reason: 'PeersNotOnLink', message: `${message}: ${OFF_LINK_FIX}` });
      offLink = message;
    },
  };
}

/** Pods that were here before their network, or before it changed: nothing is stopped for it. */
function outside(subnet: string, podAddresses: readonly string[]): string {
  const block = parseCidr(subnet);
  const count = podAddresses.filter((one) => block && !containsAddress(block, parseAddress(one) ?? 0)).length;
  if (count === 0) return '';
  return `; ${count} pod${count === 1 ? ' runs' : 's run'} with an address from before and ${count === 1 ? 'moves' : 'move'} when restarted (delete ${count === 1 ? 'it' : 'them'} to move now)`;
}
