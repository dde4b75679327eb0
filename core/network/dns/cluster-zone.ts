import { addressData, dashedIpv4, isWithin, isWireName, labelsBelow, normalName, reversedIpv4, reverseName } from './names.ts';
import type { NamedData } from './record.ts';
import type { Zone } from './zone.ts';

/** What the names of a cluster say: its services with their endpoints, and where its addresses come from. */
export interface ClusterNames {
  /** `cluster.local`. */
  readonly domain: string;
  /** Where the names are answered: the address of the zone's own name server. */
  readonly server?: string | undefined;
  readonly services: readonly NamedService[];
  /** Whether an address is one that the cluster gives out: names of pods are answered only for those. */
  readonly isClusterAddress: (address: string) => boolean;
}

export interface NamedService {
  readonly namespace: string;
  readonly name: string;
  /** None: headless, or an ExternalName. */
  readonly clusterIps: readonly string[];
  /** Of a service of type ExternalName. */
  readonly externalName?: string | undefined;
  readonly ports: readonly { readonly name?: string | undefined; readonly protocol: string; readonly port: number }[];
  /** Those that are ready (all, where not ready ones are to be published). Used for headless services only. */
  readonly endpoints: readonly NamedEndpoint[];
}

export interface NamedEndpoint {
  readonly address: string;
  readonly hostname?: string | undefined;
  readonly ports: readonly { readonly name?: string | undefined; readonly protocol: string; readonly port: number }[];
}

/** Of the specification that these names follow. */
const DNS_SCHEMA = '1.1.0';
const WEIGHT = 100;

/**
 * The names of services and pods as Kubernetes has them: https://github.com/kubernetes/dns/blob/master/docs/specification.md, 1.1.
 * Where that leaves a choice, as CoreDNS does it: an endpoint without a host name is called by its address with dashes, and a service's
 * own name has SRV records of all its ports.
 */
export function clusterZone({ domain, server, services, isClusterAddress }: ClusterNames): Zone {
  const origin = normalName(domain);
  const names = new Map<string, NamedData[]>();
  const pods = `pod.${origin}`;

  const add = (name: string, ...data: NamedData[]) => {
    const known = names.get(name);
    if (known) return void known.push(...data);
    names.set(name, [...data]);
    addParents(names, name, origin);
  };
  const addReverse = (address: string, target: string) => {
    const name = reverseName(address);
    if (name) names.set(name, [...(names.get(name) ?? []), { type: 'PTR', target }]);
  };

  add(origin);
  add(pods);
  add(`svc.${origin}`);
  add(`dns-version.${origin}`, { type: 'TXT', texts: [DNS_SCHEMA] });
  const nameServer = `ns.dns.${origin}`;
  add(origin, { type: 'NS', target: nameServer });
  const serverData = server === undefined ? undefined : addressData(server);
  if (serverData) add(nameServer, serverData);

  for (const service of services) {
    const name = `${service.name}.${service.namespace}.svc.${origin}`.toLowerCase();
    if (service.externalName !== undefined) {
      const target = normalName(service.externalName);
      // Some write an address there, which is none of a name server's business.
      add(name, ...(isWireName(target) && !addressData(target) ? [{ type: 'CNAME' as const, target }] : []));
    } else if (service.clusterIps.length > 0) addClusterIp(service, name);
    else addHeadless(service, name);
  }

  function addClusterIp({ clusterIps, ports }: NamedService, name: string): void {
    for (const address of clusterIps) {
      add(name, ...present(addressData(address)));
      addReverse(address, name);
    }
    addPorts(ports, name, name);
  }

  function addHeadless({ endpoints, ports }: NamedService, name: string): void {
    add(name);
    // A port's name exists before anything answers at it.
    for (const { name: port, protocol } of ports) if (port) add(`_${port}._${protocol}.${name}`.toLowerCase());
    for (const { address, hostname, ports: at } of endpoints) {
      const data = addressData(address);
      if (!data) continue;
      const own = `${hostname ?? address.replaceAll(/[.:]/g, '-')}.${name}`.toLowerCase();
      add(name, data);
      add(own, data);
      addReverse(address, own);
      addPorts(at, name, own);
    }
  }

  function addPorts(ports: NamedService['ports'], name: string, target: string): void {
    const srv = (port: number): NamedData => ({ type: 'SRV', priority: 0, weight: WEIGHT, port, target });
    for (const { name: port, protocol, port: number } of ports) {
      if (port) add(`_${port}._${protocol}.${name}`.toLowerCase(), srv(number));
    }
    // One number with two protocols is one record at the service's own name.
    for (const number of new Set(ports.map(({ port }) => port))) add(name, srv(number));
  }

  /** `10-1-2-3.<namespace>.pod.<domain>`: any namespace has such names, since a host knows only its own pods. */
  function podName(name: string): NamedData[] | undefined {
    const [label = '', namespace, ...rest] = labelsBelow(name, pods);
    if (rest.length > 0) return undefined;
    if (namespace === undefined) return [];
    const address = dashedIpv4(label);
    return address && isClusterAddress(address) ? [{ type: 'A', address }] : undefined;
  }

  return {
    origin,
    covers(name) {
      if (isWithin(name, origin) || names.has(name)) return true;
      // Who has an address of the cluster is nobody else's to say.
      const address = reversedIpv4(name);
      return address !== undefined && isClusterAddress(address);
    },
    lookup(name) {
      const known = names.get(name);
      if (known) return known;
      return name !== pods && isWithin(name, pods) ? podName(name) : undefined;
    },
  };
}

/** Names that have only others below them exist, too, and have nothing to say (RFC 8020). */
function addParents(names: Map<string, NamedData[]>, name: string, origin: string): void {
  for (let at = name; at !== origin; ) {
    at = at.slice(at.indexOf('.') + 1);
    if (names.has(at) || !isWithin(at, origin)) return;
    names.set(at, []);
  }
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
