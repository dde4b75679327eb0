import { contains, overlaps, networkOf, parseAddress, parseCidr, type Cidr } from '../ipv4.ts';
import { BRIDGE_PREFIX, bridgeOf, ROUTE_PROTOCOL, VXLAN_DEVICE, WIREGUARD_DEVICE } from '../names.ts';
import type { AssignedNetwork } from '../assigned-network.ts';
import { peersOffLink } from '../underlay.ts';
import { rawDropsInTheWay } from '../raw-drop.ts';
import { keyRefusedFix } from '../wireguard/encryption.ts';
import type { Finding, NetworkFacts } from './facts.ts';

/** Checks of what stands on the host itself. Each answers with what is wrong; nothing: nothing is. */
export type Check = (facts: NetworkFacts, assigned: AssignedNetwork) => readonly Omit<Finding, 'check'>[];

const isOurs = (device: string) => device === VXLAN_DEVICE || device === WIREGUARD_DEVICE || device.startsWith(BRIDGE_PREFIX);

export const subnet: Check = (_, { problem }) =>
  problem
    ? [{ status: 'problem', message: problem.message, fix: 'Nothing else of the network works on this host before that' }]
    : [];

export const overlap: Check = ({ links = [], routes = [] }, { network }) => {
  const block = parseCidr(network);
  if (!block) return [];
  const fix = `Give the cluster another network: terrane get network default -o yaml, change spec.network, terrane apply. It must not overlap any network that hosts are in or route to`;
  const ofLinks = links
    .filter(({ name }) => !isOurs(name))
    .flatMap(({ name, addresses }) => addresses.map((own) => ({ name, own, at: blockOf(own) })))
    .filter(({ at }) => at && overlaps(at, block))
    .map(({ name, own }) => `the pods' network ${network} overlaps the host's own ${own} on ${name}`);
  const ofRoutes = routes
    .filter(({ protocol, device }) => protocol !== String(ROUTE_PROTOCOL) && !(device && isOurs(device)) && protocol !== 'kernel')
    .flatMap((route) => ({ ...route, at: parseCidr(route.to) }))
    .filter(({ at }) => at && at.prefix > 0 && contains(block, at))
    .map(({ to, device }) => `the host routes ${to}, a part of the pods' network ${network}, to ${device ?? 'nowhere'}`);
  return [...ofLinks, ...ofRoutes].map((message) => ({ status: 'problem', message, fix }));
};

function blockOf(own: string): Cidr | undefined {
  const [address = '', prefix = '32'] = own.split('/');
  const base = parseAddress(address);
  return base === undefined ? undefined : networkOf(base, Number(prefix));
}

export const duplicates: Check = ({ links = [] }, { peers, backend }) => {
  const own = new Set(links.flatMap(({ addresses }) => addresses.map((address) => address.split('/')[0]!)));
  const seen = new Map<string, string>();
  const found: Omit<Finding, 'check'>[] = [];
  for (const { node, address, subnet: theirs, wireguard } of peers) {
    // WireGuard knows hosts by their keys, and finds those behind other routers by what others see of them.
    const matters = backend.type !== 'wireguard' || !wireguard;
    const twin = own.has(address) ? 'this host' : seen.get(address);
    if (twin && matters)
      found.push({
        status: 'problem',
        message: `${node} and ${twin} have the same address ${address}: packets for one go to the other`,
        fix: 'Give the hosts different addresses on a network that they share, or use the backend wireguard, which tells hosts apart by their keys',
      });
    seen.set(address, node);
    const twinSubnet = seen.get(theirs);
    if (twinSubnet)
      found.push({
        status: 'problem',
        message: `${node} and ${twinSubnet} have the same subnet ${theirs}`,
        fix: `Remove one of the two nodes, and join its host again: terrane node remove ${node}`,
      });
    seen.set(theirs, node);
  }
  return found;
};

export const ipForward: Check = ({ ipForward: on }) =>
  on === false
    ? [
        {
          status: 'problem',
          message: 'the kernel does not forward packets (net.ipv4.ip_forward is 0): pods reach nobody, and nobody them',
          fix: 'sysctl -w net.ipv4.ip_forward=1, and look in /etc/sysctl.d for what turns it off',
        },
      ]
    : [];

/** The chains in which a rule of ours counts before the policy does. */
const BEFORE_POLICY = /^-A (FORWARD|DOCKER-USER|TERRANE-FORWARD) /;

export const forwardPolicy: Check = ({ iptables, droppingChains, bridgeFiltered }, { network }) => {
  const found: Omit<Finding, 'check'>[] = [];
  const lines = iptables?.filter.split('\n').map((line) => line.trim()) ?? [];
  const accepts = lines.some(
    (line) => BEFORE_POLICY.test(line) && line.includes(`-s ${network} -d ${network}`) && line.endsWith('-j ACCEPT'),
  );
  const jumps =
    lines.some((line) => /^-A (FORWARD|DOCKER-USER) -j TERRANE-FORWARD$/.test(line)) || !lines.includes('-N TERRANE-FORWARD');
  if (lines.includes('-P FORWARD DROP') && !(accepts && jumps)) {
    const within = bridgeFiltered ? ', even those between pods of this host' : '';
    found.push({
      status: 'problem',
      message: `iptables drops forwarded packets (policy DROP of FORWARD, which Docker sets) and no rule accepts the pods' network: packets between hosts are lost${within}`,
      fix: `The agent adds such a rule by itself, within seconds: see its log for why it doesn't. By hand: iptables -I FORWARD -s ${network} -d ${network} -j ACCEPT`,
    });
  }
  const rejecting = lines.find((line) => /^-A FORWARD (-j (DROP|REJECT)|-m comment .* -j (DROP|REJECT))/.test(line));
  if (rejecting && !(accepts && jumps))
    found.push({
      status: 'problem',
      message: `a rule of iptables drops forwarded packets: ${rejecting}`,
      fix: `Accept the pods' network before it: iptables -I FORWARD -s ${network} -d ${network} -j ACCEPT`,
    });
  for (const chain of droppingChains ?? [])
    found.push({
      status: 'problem',
      message: `the chain ${chain} of nftables drops what is forwarded and accepts nothing between pods, whatever iptables says (firewalld does that)`,
      fix: `Accept the pods' network in that chain: nft insert rule ${chain} ip saddr ${network} ip daddr ${network} accept; with firewalld: firewall-cmd --permanent --zone=trusted --add-source=${network} && firewall-cmd --reload`,
    });
  return found;
};

/** Docker 28 and later: what comes for a container's address from elsewhere than its bridge is dropped before all other rules. */
export const dockerRawDrop: Check = ({ node, iptables, dockerNftDrops = [] }, { network }) => {
  const drops = rawDropsInTheWay(network, iptables?.raw ?? '');
  const message = (list: readonly string[], where: string) =>
    `Docker drops what comes for its containers from other hosts (${list.length} ${list.length === 1 ? 'rule' : 'rules'}, in ${where}): ${list[0]}`;
  const lasting = `For good: a network with the option com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected, which the agent asks for when it makes one. To have it made anew: ${emptied(node)}`;
  return [
    ...(drops.length > 0
      ? [
          {
            status: 'problem' as const,
            message: message(drops, "iptables' table raw"),
            fix: `The agent puts a rule before them by itself, within seconds: see its log for why it doesn't. By hand: iptables -t raw -I PREROUTING -s ${network} -d ${network} -j ACCEPT. ${lasting}`,
          },
        ]
      : []),
    ...(dockerNftDrops.length > 0
      ? [
          {
            status: 'problem' as const,
            message: message(dockerNftDrops, "nftables' table ip docker-bridges"),
            fix: `By hand, until Docker makes its table anew: nft insert rule ip docker-bridges raw-PREROUTING ip saddr ${network} ip daddr ${network} accept. ${lasting}`,
          },
        ]
      : []),
  ];
};

/** The agent makes Docker's network anew when it isn't as it should be and no pod is on it. */
const emptied = (node: string): string => `terrane node drain ${node}, and 10 s later terrane node uncordon ${node}`;

/** What tunnels add to a packet, bytes. */
const OVERHEAD: Readonly<Record<string, number>> = { vxlan: 50, wireguard: 80, 'host-gw': 0, none: 0 };

export const mtu: Check = ({ node, links = [], routes = [] }, { backend, subnet: own }) => {
  const uplink = routes.find(({ to }) => to === '0.0.0.0/0')?.device;
  const underlay = links.find(({ name }) => name === uplink);
  const bridge = own === undefined ? undefined : links.find(({ name }) => name === bridgeOf(own));
  if (!underlay || !bridge) return [];
  const fits = underlay.mtu - (OVERHEAD[backend.type] ?? 0);
  if (bridge.mtu <= fits) return [];
  return [
    {
      status: 'problem',
      message: `pods send packets of ${bridge.mtu} bytes, and ${underlay.name} (MTU ${underlay.mtu}) has room for ${fits}: large packets are lost or cut`,
      fix:
        backend.mtu !== undefined && backend.mtu > fits
          ? `Set spec.backend.mtu of the Network to ${fits} or less, or raise the MTU of ${underlay.name}. Then pods have to be made anew on a network that is: ${emptied(node)}`
          : `New pods get ${fits} when no pod is left that was made before: ${emptied(node)}. Or raise the MTU of ${underlay.name}`,
    },
  ];
};

/** Kernels from these on compute the checksum themselves (commit "udp: fix encapsulated checksums with hardware offload"). */
const FIXED = [
  [5, 7, 0],
  [5, 6, 13],
  [5, 4, 41],
  [4, 19, 123],
] as const;

export const checksumOffload: Check = ({ checksumOffload: on, kernel }) => {
  if (on !== true || isFixed(kernel)) return [];
  return [
    {
      status: 'problem',
      message: `the VXLAN device leaves checksums to the network card, and this kernel (${kernel}) gets them wrong after NAT: connections to services stall for about a minute`,
      fix: `ethtool -K ${VXLAN_DEVICE} tx-checksum-ip-generic off, or a kernel from 5.7, 5.6.13, 5.4.41 or 4.19.123 on`,
    },
  ];
};

function isFixed(kernel: string): boolean {
  const [major = 0, minor = 0, patch = 0] = kernel.split(/[^\d]+/).map(Number);
  if (major > 5 || (major === 5 && minor >= 7)) return true;
  return FIXED.some(([a, b, c]) => a === major && b === minor && patch >= c);
}

/** A clock so far off is seen in logs and times; TLS and signed requests fail later than that. */
const CLOCK_WARNING_MS = 5_000;
const CLOCK_PROBLEM_MS = 60_000;

export const clock: Check = ({ clockAheadMs }) => {
  const off = Math.abs(clockAheadMs ?? 0);
  if (off < CLOCK_WARNING_MS) return [];
  const seconds = Math.round(off / 1000);
  return [
    {
      status: off < CLOCK_PROBLEM_MS ? 'warning' : 'problem',
      message: `the host's clock is ${seconds} s ${clockAheadMs! > 0 ? 'ahead of' : 'behind'} the control plane's: certificates may look expired or not valid yet, and times in logs don't fit together`,
      fix: 'Have it set by a time server: timedatectl set-ntp true, or start chronyd',
    },
  ];
};

/** Routes of ours that lead to hosts that are gone, and hosts that none leads to. */
export const peerRoutes: Check = ({ routes, links = [] }, assigned) => {
  const { peers, network, subnet: own } = assigned;
  if (!routes || own === undefined) return [];
  const unreachable = new Set(peersOffLink(assigned, { links }));
  const ours = routes.filter(({ protocol }) => protocol === String(ROUTE_PROTOCOL));
  const wanted = new Map(peers.filter((peer) => !unreachable.has(peer)).map(({ subnet: theirs, node }) => [theirs, node]));
  const stale = ours.filter(({ to, device }) => device && to !== network && !wanted.has(to));
  const present = new Set(ours.filter(({ device }) => device).map(({ to }) => to));
  const missing = [...wanted].filter(([theirs]) => !present.has(theirs));
  const fix = 'The agent repairs that within 10 s: if it stays, see its log (journalctl -u terrane-agent)';
  return [
    ...stale.map(({ to }) => ({
      status: 'warning' as const,
      message: `the route to ${to} leads to no host of the cluster (any more)`,
      fix,
    })),
    ...missing.map(([theirs, node]) => ({
      status: 'problem' as const,
      message: `there is no route to ${node} (${theirs})`,
      fix,
    })),
  ];
};

/** Encryption is the default; where it can't be had, that has to be said. */
export const encryption: Check = ({ links }, { backend, keyHolder }) => {
  const status = backend.allowUnencrypted ? 'warning' : 'problem';
  if (backend.type === 'wireguard' && keyHolder !== undefined) {
    const then = backend.allowUnencrypted ? 'its packets to other hosts are not encrypted (VXLAN)' : 'it reaches no other host';
    return [{ status, message: `this host has the WireGuard key of node ${keyHolder}: ${then}`, fix: keyRefusedFix(keyHolder) }];
  }
  if (backend.type !== 'wireguard' || !links || links.some(({ name }) => name === WIREGUARD_DEVICE)) return [];
  return [
    {
      status,
      message: backend.allowUnencrypted
        ? "this host can't run WireGuard: its packets to other hosts are not encrypted (VXLAN)"
        : "this host can't run WireGuard: it reaches no other host",
      fix: "Load the kernel's module (modprobe wireguard; Linux 5.6 and later have it) or install wireguard-go, then restart the agent",
    },
  ];
};
