import type { AssignedNetwork } from '../assigned-network.ts';
import { namesOfPeers, OFF_LINK_FIX, peersOffLink } from '../underlay.ts';
import type { Finding, NetworkFacts, PeerProbe } from './facts.ts';
import type { Check } from './host-checks.ts';

/** Checks of what gets through. */

/** Peers that no link of this host has, where the backend knows routes only. */
export const offLink: Check = ({ links = [] }, assigned) => {
  const away = peersOffLink(assigned, { links });
  if (away.length === 0) return [];
  return [
    {
      status: 'problem',
      message: `${namesOfPeers(away)} ${away.length === 1 ? 'is' : 'are'} not on a link of this host: the backend host-gw sends packets to hosts on the same link only, and refuses the others`,
      fix: `${OFF_LINK_FIX[0]!.toUpperCase()}${OFF_LINK_FIX.slice(1)}: terrane get network default -o yaml, change spec.backend, terrane apply`,
    },
  ];
};

/** Named by `offLink` already. */
function isOffLink({ links = [] }: NetworkFacts, assigned: AssignedNetwork): (node: string) => boolean {
  const away = new Set(peersOffLink(assigned, { links }).map(({ node }) => node));
  return (node) => away.has(node);
}

export const peers: Check = (facts, assigned) => {
  const { peers: probes } = facts;
  const told = isOffLink(facts, assigned);
  const silent = probes.filter(({ node, answered }) => !answered && !told(node));
  if (silent.length === 0) return [];
  const [there, away] = [silent.filter(({ hostAnswers }) => hostAnswers), silent.filter(({ hostAnswers }) => !hostAnswers)];
  const all = silent.length === probes.length && probes.length > 1 ? ' (none does)' : '';
  return [...blocked(there, assigned, all), ...unreachable(away, assigned, all)];
};

function blocked(silent: readonly PeerProbe[], assigned: AssignedNetwork, all: string): Omit<Finding, 'check'>[] {
  if (silent.length === 0) return [];
  const { names, them } = namesOf(silent);
  const port = portOf(assigned);
  return [
    {
      status: 'problem',
      message: `${names} can be reached, but nothing comes back through the pods' network${all}`,
      fix: port
        ? `A firewall on the way, or on one of the hosts, drops ${port}: allow it in both directions between this host and ${them}. If it is allowed, see what terrane net doctor says there`
        : `Something on the way drops packets between pods: this backend sends them as they are, which clouds refuse unless "source/destination check" is off and they know the routes. Or use the backend vxlan or wireguard`,
    },
  ];
}

function unreachable(silent: readonly PeerProbe[], assigned: AssignedNetwork, all: string): Omit<Finding, 'check'>[] {
  if (silent.length === 0) return [];
  const { names, addresses } = namesOf(silent, assigned);
  const wireguard = assigned.backend.type === 'wireguard';
  return [
    {
      status: 'problem',
      message: `${names} can't be reached: neither through the pods' network nor at ${addresses}${all}`,
      fix: wireguard
        ? `Hosts behind different routers need one host that both reach at UDP port ${assigned.backend.listenPort}, to find each other or to pass packets on: open that port on one with a public address. Or the host is down: terrane node list`
        : "Check that the host is up (terrane node list), that the two have a way to each other's addresses, and that no firewall drops everything. Hosts behind different routers need the backend wireguard",
    },
  ];
}

export const packetSize: Check = ({ peers: probes }) => {
  const short = probes.filter(({ answered, answeredFull }) => answered && answeredFull === false);
  if (short.length === 0) return [];
  const { names } = namesOf(short);
  return [
    {
      status: 'problem',
      message: `packets of ${short[0]!.packetBytes} bytes, which pods send, don't get through to ${names}, small ones do: connections open and then hang`,
      fix: 'The network between the hosts carries less than their devices say (VPNs, tunnels and some clouds do). Set spec.backend.mtu of the Network to a smaller number, such as 1300; then make the pods anew, host by host: terrane node drain NODE, and 10 s later terrane node uncordon NODE',
    },
  ];
};

export const dns: Check = ({ dns: probe }) => {
  if (!probe) return [];
  const found: Omit<Finding, 'check'>[] = [];
  if (!probe.listening)
    found.push({
      status: 'problem',
      message: `the agent doesn't answer names: ${probe.problem ?? "the pods' network is not set up yet"}`,
      fix: 'If the address is in use: another name server (dnsmasq, bind, systemd-resolved with DNSStubListenerExtra) listens at port 53 of all addresses. Tell it to listen at its own only (dnsmasq: bind-interfaces, except-interface), and the agent takes the port within seconds',
    });
  else if (!probe.answered)
    found.push({
      status: 'problem',
      message: `the name server of this host's pods, ${probe.listening}, doesn't answer`,
      fix: 'A firewall on this host drops UDP port 53 from its own pods: allow what comes in on the devices trn-*',
    });
  const silent = probe.upstreams.filter(({ answered }) => !answered).map(({ server }) => server);
  if (probe.upstreams.length === 0)
    found.push({
      status: 'problem',
      message: 'pods resolve names of the cluster only: /etc/resolv.conf of this host names no other name server',
      fix: 'Put a line "nameserver ADDRESS" there that is not this host\'s own name server for pods',
    });
  else if (silent.length > 0)
    found.push({
      status: silent.length === probe.upstreams.length ? 'problem' : 'warning',
      message: `${silent.join(', ')}, which names outside of the cluster are asked of, ${silent.length === 1 ? "doesn't" : "don't"} answer: pods wait, or don't get such names`,
      fix: 'Take those that are gone out of /etc/resolv.conf (or dnsServers in cluster-settings), or let UDP and TCP port 53 through to them',
    });
  return found;
};

function portOf({ backend }: AssignedNetwork): string | undefined {
  switch (backend.type) {
    case 'vxlan':
      return `UDP port ${backend.port} (VXLAN)`;
    case 'wireguard':
      return `UDP port ${backend.listenPort} (WireGuard)${backend.allowUnencrypted ? ` or ${backend.port} (VXLAN)` : ''}`;
    default:
      return undefined;
  }
}

const SHOWN = 5;

function namesOf(probes: readonly PeerProbe[], assigned?: AssignedNetwork) {
  const shown = probes.slice(0, SHOWN).map(({ node }) => node);
  const more = probes.length > SHOWN ? ` and ${probes.length - SHOWN} more` : '';
  const addressOf = (node: string) => assigned?.peers.find((peer) => peer.node === node)?.address ?? node;
  return {
    names: `${shown.join(', ')}${more}`,
    them: probes.length === 1 ? 'it' : 'them',
    addresses:
      shown.length === 1 ? `its own address ${addressOf(shown[0]!)}` : `their own addresses (${shown.map(addressOf).join(', ')})`,
  };
}
