import { type FieldError, forbiddenField, invalidValue, notSupported } from '../resources/field-error.ts';
import { dnsSubdomain } from '../resources/names.ts';
import type { NetworkSpec } from '../resources/schema/network.ts';
import { readFlannelConfig } from './flannel/config.ts';
import { type Cidr, contains, formatAddress, formatCidr, networkOf, overlaps, parseAddress, parseCidr, sizeOf } from './ipv4.ts';

/** A cluster has one network, and it has this name. */
export const NETWORK_NAME = 'default';
/** What most Kubernetes clusters with flannel have: a network that people know, and know to keep free. */
const DEFAULT_NETWORK = '10.244.0.0/16';
const DEFAULT_CLUSTER_DOMAIN = 'cluster.local';

/** How packets get from host to host. `none`: the hosts' networks are left alone, and pods are on Docker's own bridge. */
const BACKENDS = ['wireguard', 'vxlan', 'host-gw', 'none'] as const;
export type BackendType = (typeof BACKENDS)[number];

export interface Backend {
  readonly type: BackendType;
  readonly vni: number;
  /** UDP port of VXLAN. */
  readonly port: number;
  /** To hosts on the same link, without a tunnel. */
  readonly directRouting: boolean;
  /** UDP port of WireGuard. */
  readonly listenPort: number;
  /** A NAT's mapping is kept open by a packet so often, seconds; 0: never. */
  readonly keepaliveSeconds: number;
  /** With WireGuard: hosts that can't run it are reached by VXLAN, unencrypted. */
  readonly allowUnencrypted: boolean;
  /** Of the pods' devices, bytes; undefined: what the underlay leaves. */
  readonly mtu?: number;
}

export interface NetworkConfig {
  readonly network: Cidr;
  /** Length of a host's subnet. */
  readonly hostPrefix: number;
  /** The first and the last subnet that hosts may get. */
  readonly first: number;
  readonly last: number;
  readonly backend: Backend;
  /** Node name -> the subnet that is kept for it. */
  readonly reservations: ReadonlyMap<string, Cidr>;
  readonly clusterDomain: string;
}

const BACKEND_DEFAULTS: Backend = {
  type: 'wireguard',
  vni: 1,
  // Linux's, and so flannel's; the registered one is 4789.
  port: 8472,
  directRouting: false,
  listenPort: 51_820,
  keepaliveSeconds: 25,
  allowUnencrypted: true,
};

/** Which options a backend acts on. WireGuard's fall-back is VXLAN. */
const OPTIONS: Readonly<Record<BackendType, readonly (keyof Backend)[]>> = {
  wireguard: ['vni', 'port', 'listenPort', 'keepaliveSeconds', 'allowUnencrypted', 'mtu'],
  vxlan: ['vni', 'port', 'directRouting', 'mtu'],
  'host-gw': ['mtu'],
  none: [],
};

const RANGES: Partial<Record<keyof Backend, readonly [number, number]>> = {
  vni: [1, 2 ** 24 - 1],
  port: [1, 65_535],
  listenPort: [1, 65_535],
  keepaliveSeconds: [0, 3600],
  mtu: [576, 65_535],
};

/** Blocks that no network can have: they mean something else to the kernel. */
const SPECIAL: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this host on this network'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local addresses'],
  ['224.0.0.0/3', 'multicast and reserved addresses'],
];

/** flannel's smallest: four hosts with four addresses each. */
const NETWORK_PREFIX_MAX = 28;
const HOST_PREFIX_MAX = 30;

export interface NetworkReading {
  /** Undefined if there are problems. */
  readonly config?: NetworkConfig;
  readonly problems: readonly FieldError[];
}

/** What a Network asks for, with defaults filled in, and what is wrong with it, field by field. */
export function readNetwork(spec: NetworkSpec = {}): NetworkReading {
  if (spec.flannelConfig === undefined) return read(spec, 'spec');
  const also = (['network', 'hostPrefix', 'firstSubnet', 'lastSubnet', 'backend'] as const).filter(
    (name) => spec[name] !== undefined,
  );
  if (also.length > 0)
    return { problems: also.map((name) => forbiddenField(`spec.${name}`, 'spec.flannelConfig says it: give one of the two')) };
  const flannel = readFlannelConfig(spec.flannelConfig);
  if ('problem' in flannel) return { problems: [invalidValue('spec.flannelConfig', spec.flannelConfig, flannel.problem)] };
  const { reservations, clusterDomain } = spec;
  const both = { ...flannel.spec, ...(reservations && { reservations }), ...(clusterDomain && { clusterDomain }) };
  return read(both, 'spec');
}

function read(spec: NetworkSpec, at: string): NetworkReading {
  const problems: FieldError[] = [];
  const backend = readBackend(spec.backend ?? {}, `${at}.backend`, problems);
  const network = readBlock(spec.network ?? DEFAULT_NETWORK, `${at}.network`, backend.type, problems);
  const clusterDomain = spec.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN;
  const wrongDomain = dnsSubdomain(clusterDomain);
  if (wrongDomain) problems.push(invalidValue(`${at}.clusterDomain`, clusterDomain, wrongDomain));
  if (!network) return { problems };

  const hostPrefix = spec.hostPrefix ?? (network.prefix > 22 ? network.prefix + 2 : 24);
  if (hostPrefix < network.prefix + 2 || hostPrefix > HOST_PREFIX_MAX) {
    const range = `from ${network.prefix + 2} to ${HOST_PREFIX_MAX}`;
    problems.push(
      invalidValue(
        `${at}.hostPrefix`,
        hostPrefix,
        `must be ${range}: a ${formatCidr(network)} is cut into one part for each host`,
      ),
    );
    return { problems };
  }
  const size = sizeOf(hostPrefix);
  const subnetAt = (field: 'firstSubnet' | 'lastSubnet', fallback: number): number => {
    const text = spec[field];
    if (text === undefined) return fallback;
    const address = parseAddress(text);
    if (address === undefined || address % size !== 0 || !contains(network, { base: address, prefix: hostPrefix })) {
      const example = formatAddress(fallback);
      problems.push(
        invalidValue(
          `${at}.${field}`,
          text,
          `must be the address of a /${hostPrefix} in ${formatCidr(network)}, such as ${example}`,
        ),
      );
      return fallback;
    }
    return address;
  };
  // As flannel: the very first stays free, whose address is the network's own.
  const first = subnetAt('firstSubnet', network.base + size);
  const last = subnetAt('lastSubnet', network.base + sizeOf(network.prefix) - size);
  if (first > last)
    problems.push(invalidValue(`${at}.lastSubnet`, formatAddress(last), `must not be before ${formatAddress(first)}`));
  const reservations = readReservations(spec, at, { network, hostPrefix }, problems);
  if (problems.length > 0) return { problems };
  return { config: { network, hostPrefix, first, last, backend, reservations, clusterDomain }, problems };
}

function readBlock(text: string, field: string, backend: BackendType, problems: FieldError[]): Cidr | undefined {
  const wrong = (detail: string) => {
    problems.push(invalidValue(field, text, detail));
    return undefined;
  };
  if (text.includes(':'))
    return wrong(`is IPv6, and the backend ${backend} carries IPv4 only: give a block such as ${DEFAULT_NETWORK}`);
  const cidr = parseCidr(text);
  if (!cidr) {
    const [address = '', prefix = ''] = text.split('/');
    const base = parseAddress(address);
    const meant =
      base !== undefined && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32 ? networkOf(base, Number(prefix)) : undefined;
    return wrong(
      meant
        ? `has bits set beyond its prefix: ${formatCidr(meant)} may be meant`
        : `must be a block of IPv4 addresses such as ${DEFAULT_NETWORK}`,
    );
  }
  if (cidr.prefix > NETWORK_PREFIX_MAX)
    return wrong(`is too small to be shared by hosts: it must be a /${NETWORK_PREFIX_MAX} or larger`);
  const special = SPECIAL.find(([block]) => overlaps(parseCidr(block)!, cidr));
  if (special) return wrong(`overlaps ${special[0]}, which is for ${special[1]}`);
  return cidr;
}

function readBackend(spec: NonNullable<NetworkSpec['backend']>, at: string, problems: FieldError[]): Backend {
  const { type: typeText = BACKEND_DEFAULTS.type, ...options } = spec;
  const type = BACKENDS.find((known) => known === typeText);
  if (!type) {
    problems.push(notSupported(`${at}.type`, typeText, BACKENDS));
    return BACKEND_DEFAULTS;
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const key = name as keyof Backend;
    const range = RANGES[key];
    if (!OPTIONS[type].includes(key)) problems.push(forbiddenField(`${at}.${name}`, `the backend ${type} has no such option`));
    else if (range && (Number(value) < range[0] || Number(value) > range[1]))
      problems.push(invalidValue(`${at}.${name}`, value, `must be from ${range[0]} to ${range[1]}`));
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...BACKEND_DEFAULTS, ...given, type };
}

function readReservations(
  { reservations = [] }: NetworkSpec,
  at: string,
  { network, hostPrefix }: { network: Cidr; hostPrefix: number },
  problems: FieldError[],
): Map<string, Cidr> {
  const bySubnet = new Map<string, string>();
  const byNode = new Map<string, Cidr>();
  for (const [index, { node, subnet }] of reservations.entries()) {
    const field = `${at}.reservations[${index}]`;
    const cidr = parseCidr(subnet);
    if (!cidr || cidr.prefix !== hostPrefix || !contains(network, cidr)) {
      problems.push(invalidValue(`${field}.subnet`, subnet, `must be a /${hostPrefix} in ${formatCidr(network)}`));
      continue;
    }
    const other = bySubnet.get(subnet);
    if (other !== undefined) problems.push(invalidValue(`${field}.subnet`, subnet, `is reserved for ${other} already`));
    if (byNode.has(node)) problems.push(invalidValue(`${field}.node`, node, 'has a reservation already'));
    bySubnet.set(subnet, node);
    byNode.set(node, cidr);
  }
  return byNode;
}
