import { contentDigest } from '../../controllers/digest.ts';
import type { AssignedEndpoint, AssignedPort, AssignedService } from '../../node/assigned-services.ts';
import { type NftChain, nftName, type NftSet, type Ruleset } from '../nft/ruleset.ts';

/**
 * The cluster's Services as an nftables table of one host. A packet for a Service looks its address, protocol and port up in one map, is
 * sent to the Service's chain, and there to an endpoint by chance (or where its client was sent before). So the time that takes
 * doesn't depend on the number of Services, and a change of one touches its own chain only.
 *
 *     nat       prerouting, output -> services -> @service-ips, @node-ports -> svc-... | ext-... -> (ep-...) -> dnat
 *     nat       postrouting: masquerade what must come back this way
 *     filter    forward, output, input: refuse what nobody serves
 */

export const SERVICES_TABLE = 'terrane_services';

export interface ServiceHost {
  readonly node: string;
  /**
   * Blocks of pod addresses: of all pods, where the cluster has a network, else of this host's own. What comes from elsewhere is
   * masqueraded, so that answers come back by this host.
   */
  readonly podBlocks: readonly string[];
  /** Pods of other hosts can be reached. Where they can't, only endpoints on this host are used, and those that are no pods. */
  readonly networked: boolean;
  /**
   * This host's own address among the pods'. What it passes on to pods in its own name comes from there: by plain routes (host-gw) it would
   * come from the host's address on its link, which other hosts take for a stranger's, and drop.
   */
  readonly address?: string;
}

/** Bit of the packet's mark from the service's chain to postrouting, where it is taken off again. */
const MASQUERADE_BIT = '0x00100000';
const MASQUERADE = `meta mark set meta mark or ${MASQUERADE_BIT}`;
/** Just before Docker's own (-100), so that a node port isn't taken for a published one, and before others' masquerading (100). */
const HOOKS = { nat: -105, source: 95, filter: -5 };

interface Target {
  readonly ip: string;
  readonly port: number;
  readonly local: boolean;
}

class Table {
  readonly chains = new Map<string, { hook?: string; rules: string[] }>();
  readonly sets = new Map<string, NftSet & { elements: Map<string, string> }>();

  chain(name: string, rules: string[] = [], hook?: string): void {
    this.chains.set(name, { ...(hook !== undefined && { hook }), rules });
  }

  set(name: string, key: string, rest: Omit<NftSet, 'key' | 'elements'> = {}): Map<string, string> {
    const elements = new Map<string, string>();
    this.sets.set(name, { key, ...rest, elements });
    return elements;
  }
}

export function compileServices(services: readonly AssignedService[], host: ServiceHost): Ruleset {
  const table = new Table();
  const maps = {
    clusterIps: table.set('cluster-ips', 'ipv4_addr'),
    serviceIps: table.set('service-ips', 'ipv4_addr . inet_proto . inet_service', { value: 'verdict' }),
    nodePorts: table.set('node-ports', 'inet_proto . inet_service', { value: 'verdict' }),
    deadIps: table.set('dead-ips', 'ipv4_addr . inet_proto . inet_service'),
    deadPorts: table.set('dead-ports', 'inet_proto . inet_service'),
    hairpin: table.set('hairpin', 'ipv4_addr . ipv4_addr'),
  };
  baseChains(table, host);
  for (const service of services) {
    if (service.clusterIP === undefined) continue;
    maps.clusterIps.set(service.clusterIP, '');
    for (const [index, port] of service.ports.entries()) compilePort(table, maps, service, port, targetsOf(service, index, host));
  }
  return { family: 'ip', table: SERVICES_TABLE, sets: table.sets, chains: table.chains as ReadonlyMap<string, NftChain> };
}

type Maps = Readonly<
  Record<'clusterIps' | 'serviceIps' | 'nodePorts' | 'deadIps' | 'deadPorts' | 'hairpin', Map<string, string>>
>;

function baseChains(table: Table, { podBlocks, address }: ServiceHost): void {
  const nat = (hook: string) => `type nat hook ${hook} priority ${HOOKS.nat}`;
  const filter = (hook: string) => `type filter hook ${hook} priority ${HOOKS.filter}`;
  const outside = podBlocks.length > 0 ? `ip saddr != { ${podBlocks.join(', ')} } ` : '';
  table.chain('services', [
    `ip daddr @cluster-ips ${outside}${MASQUERADE}`,
    'ip daddr . meta l4proto . th dport vmap @service-ips',
    'ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node-ports',
  ]);
  table.chain('prerouting', ['jump services'], nat('prerouting'));
  table.chain('output', ['jump services'], nat('output'));
  table.chain(
    'postrouting',
    [
      'ip saddr . ip daddr @hairpin ct status dnat masquerade fully-random',
      `meta mark & ${MASQUERADE_BIT} == 0 return`,
      `meta mark set meta mark xor ${MASQUERADE_BIT}`,
      ...(address ? podBlocks.map((block) => `ip daddr ${block} snat to ${address} fully-random`) : []),
      'masquerade fully-random',
    ],
    `type nat hook postrouting priority ${HOOKS.source}`,
  );
  // What still goes to a Service's address here was sent nowhere.
  const unserved = ['ip daddr @cluster-ips goto refuse', 'ip daddr . meta l4proto . th dport @dead-ips goto refuse'];
  table.chain('refuse', ['meta l4proto tcp reject with tcp reset', 'reject with icmp type port-unreachable']);
  table.chain('refuse-forward', unserved, filter('forward'));
  table.chain('refuse-output', unserved, filter('output'));
  table.chain(
    'refuse-input',
    [
      'ip daddr . meta l4proto . th dport @dead-ips goto refuse',
      'ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport @dead-ports goto refuse',
    ],
    filter('input'),
  );
}

function targetsOf({ subsets }: AssignedService, port: number, host: ServiceHost): Target[] {
  return subsets.flatMap(({ ports, endpoints }) => {
    const number = ports[port];
    if (number === null || number === undefined) return [];
    return endpoints
      .filter((each) => reachable(each, host))
      .map(({ ip, node }) => ({ ip, port: number, local: node === host.node }));
  });
}

function reachable({ node }: AssignedEndpoint, host: ServiceHost): boolean {
  return host.networked || node === undefined || node === host.node;
}

function compilePort(table: Table, maps: Maps, service: AssignedService, port: AssignedPort, targets: readonly Target[]): void {
  const protocol = port.protocol.toLowerCase();
  const { clusterIP, externalIPs = [], affinitySeconds } = service;
  const local = targets.filter((target) => target.local);
  for (const { ip } of local) maps.hairpin.set(`${ip} . ${ip}`, '');

  const balance = (chain: string, to: readonly Target[]) => balanced(table, chain, protocol, to, affinitySeconds);
  const inside = chainName('svc', service, port);
  const insideTargets = service.internalLocal ? local : targets;
  if (insideTargets.length > 0) {
    balance(inside, insideTargets);
    maps.serviceIps.set(`${clusterIP} . ${protocol} . ${port.port}`, `goto ${inside}`);
  }

  const doors = [
    ...externalIPs.map((ip) => ({ live: maps.serviceIps, dead: maps.deadIps, key: `${ip} . ${protocol} . ${port.port}` })),
    ...(port.nodePort ? [{ live: maps.nodePorts, dead: maps.deadPorts, key: `${protocol} . ${port.nodePort}` }] : []),
  ];
  if (doors.length === 0) return;
  if (targets.length === 0) {
    for (const { dead, key } of doors) dead.set(key, '');
    return;
  }
  let all = inside;
  if (service.internalLocal) balance((all = chainName('all', service, port)), targets);
  const outside = chainName('ext', service, port);
  if (service.externalLocal) outsideLocal(table, outside, all, local, balance);
  else table.chain(outside, [MASQUERADE, `goto ${all}`]);
  for (const { live, key } of doors) live.set(key, `goto ${outside}`);
}

/** What comes from outside keeps its source address and stays on this host; the host's own and its pods' goes anywhere. */
function outsideLocal(
  table: Table,
  chain: string,
  all: string,
  local: readonly Target[],
  balance: (chain: string, to: readonly Target[]) => void,
): void {
  const own = `own-${contentDigest(chain).slice(0, 12)}`;
  const rules = [`fib saddr type local ${MASQUERADE}`, `fib saddr type local goto ${all}`];
  if (local.length === 0) {
    table.chain(chain, [...rules, 'drop']);
    return;
  }
  balance(own, local);
  table.chain(chain, [...rules, `goto ${own}`]);
}

/** Fills a chain that spreads what comes into it over `to`, which is not empty. */
function balanced(table: Table, chain: string, protocol: string, to: readonly Target[], affinitySeconds?: number): void {
  if (affinitySeconds === undefined) {
    const [only] = to;
    const target =
      to.length === 1
        ? `dnat to ${only!.ip}:${only!.port}`
        : `dnat ip addr . port to numgen random mod ${to.length} map { ${to.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`).join(', ')} }`;
    table.chain(chain, [`meta l4proto ${protocol} ${target}`]);
    return;
  }
  const stays: string[] = [];
  const goes = to.map(({ ip, port }, index) => {
    const id = contentDigest([chain, ip, port, affinitySeconds])
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 16);
    const [clients, endpoint] = [`clients-${id}`, `ep-${id}`];
    table.set(clients, 'ipv4_addr', { timeoutSeconds: affinitySeconds });
    table.chain(endpoint, [`update @${clients} { ip saddr }`, `meta l4proto ${protocol} dnat to ${ip}:${port}`]);
    stays.push(`ip saddr @${clients} goto ${endpoint}`);
    return `${index} : goto ${endpoint}`;
  });
  table.chain(chain, [...stays, `numgen random mod ${to.length} vmap { ${goes.join(', ')} }`]);
}

function chainName(kind: string, { namespace, name }: AssignedService, { port, protocol }: AssignedPort): string {
  return nftName(`${kind}-${namespace}/${name}/${protocol.toLowerCase()}/${port}`, contentDigest);
}
