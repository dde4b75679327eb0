import { gatewayOf, NETWORK_TABLE } from './names.ts';

/** Rules that the overlay needs, as the tools' own texts. */

export interface FirewallInput {
  /** Of all pods. */
  readonly network: string;
  /** What this host's own pods have: its lease first, and former ones that still have pods. */
  readonly subnets: readonly string[];
}

/**
 * nftables: packets of this host's pods that leave the network get the host's address; those to other pods keep their own, on every way.
 * What the host's own programs send to pods comes from its gateway: by plain routes (host-gw) it would come from the host's address on its
 * link, which other hosts take for a stranger's, and drop. One transaction that replaces the table.
 */
export function masqueradeScript({ network, subnets }: FirewallInput): string {
  const [own] = subnets;
  const byHost = own ? [`    fib saddr type local ip saddr != ${network} ip daddr ${network} snat to ${gatewayOf(own)}`] : [];
  const byPods = subnets.map(
    (subnet) => `    ip saddr ${subnet} ip daddr != ${network} ip daddr != 224.0.0.0/4 masquerade fully-random`,
  );
  return `table ip ${NETWORK_TABLE}
delete table ip ${NETWORK_TABLE}
table ip ${NETWORK_TABLE} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${[...byHost, ...byPods].join('\n')}
  }
}
`;
}

/** The chain of ours in iptables' filter table. */
export const FORWARD_CHAIN = 'TERRANE-FORWARD';

/** Its rules, as `iptables -S` shows them. */
export function forwardRules(network: string): readonly string[] {
  return [
    `-A ${FORWARD_CHAIN} -s ${network} -d ${network} -j ACCEPT`,
    `-A ${FORWARD_CHAIN} -d ${network} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`,
    `-A ${FORWARD_CHAIN} -s ${network} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}

/**
 * What `iptables-restore --noflush` takes so that forwarding between pods survives Docker's policy of DROP; undefined if nothing is
 * missing or nothing drops. In Docker's own chain for others (DOCKER-USER), where it is; only an ACCEPT there, or before the policy,
 * can keep a packet from being dropped: none in a table of nftables can. `listing` is `iptables -S`.
 */
export function forwardScript(network: string, listing: string): string | undefined {
  const lines = listing.split('\n').map((line) => line.trim());
  const parent = lines.includes('-N DOCKER-USER') ? 'DOCKER-USER' : lines.includes('-P FORWARD DROP') ? 'FORWARD' : undefined;
  if (!parent) return undefined;
  const jump = `-A ${parent} -j ${FORWARD_CHAIN}`;
  const jumps = lines.filter((line) => line === jump).length;
  const chain = lines.filter((line) => line.startsWith(`-A ${FORWARD_CHAIN} `)).map(normal);
  const wanted = forwardRules(network);
  const same = chain.length === wanted.length && chain.every((line, index) => line === normal(wanted[index]!));
  if (same && jumps === 1) return undefined;
  const more = jumps === 0 ? [`-I ${parent} 1 -j ${FORWARD_CHAIN}`] : [];
  const fewer = Array.from({ length: Math.max(0, jumps - 1) }, () => `-D ${parent} -j ${FORWARD_CHAIN}`);
  return ['*filter', `:${FORWARD_CHAIN} - [0:0]`, ...wanted, ...more, ...fewer, 'COMMIT', ''].join('\n');
}

/** Takes a chain of ours away again, and what leads to it; undefined if there is none. */
export function chainRemoval(table: 'filter' | 'raw', chain: string, listing: string): string | undefined {
  const lines = listing.split('\n').map((line) => line.trim());
  if (!lines.includes(`-N ${chain}`)) return undefined;
  const jumps = lines.filter((line) => line.startsWith('-A ') && line.endsWith(` -j ${chain}`));
  return [`*${table}`, ...jumps.map((line) => line.replace(/^-A/, '-D')), `-F ${chain}`, `-X ${chain}`, 'COMMIT', ''].join('\n');
}

/** iptables writes a list of states in an order of its own. */
function normal(rule: string): string {
  return rule.replace(/--ctstate (\S+)/, (_, states: string) => `--ctstate ${states.split(',').sort().join(',')}`);
}
