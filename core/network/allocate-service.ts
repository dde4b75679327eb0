import { createHash } from 'node:crypto';
import type { ReadView } from '../keyspace/types.ts';
import { decodeResource, prefixEnd, resourcePrefix } from '../resources/codec.ts';
import { type FieldError, invalidValue } from '../resources/field-error.ts';
import type { Service } from '../resources/schema/service.ts';
import { type Cidr, containsAddress, formatAddress, formatCidr, parseAddress, sizeOf } from './ipv4.ts';
import { serviceCidrOf } from './service-cidr.ts';

/**
 * Gives a Service what it needs of the cluster's addresses and node ports, within the transaction that writes it: as the log orders
 * writes, no two Services share one. What its author asks for is given, or refused in Kubernetes' words.
 */

const NODE_PORTS = { first: 30000, last: 32767 };
const NODE_PORT_RANGE = `${NODE_PORTS.first}-${NODE_PORTS.last}`;
/** The part of the block that is kept for addresses that people choose (https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/). */
const CHOSEN = { least: 16, most: 256, share: 1 / 16 };

export const needsClusterIp = ({ spec }: Service) => spec?.type !== 'ExternalName';
export const needsNodePorts = ({ spec }: Service) => spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';

/**
 * Mutates `service`. Answers what can't be given. `previous`: as it is stored, for an update. What it has it keeps, be it outside of a
 * block that was changed since.
 */
export function allocateService(service: Service, view: ReadView, previous?: Service): FieldError[] {
  const { clusterIP } = service.spec ?? {};
  const kept = clusterIP !== undefined && clusterIP !== '' && clusterIP === previous?.spec?.clusterIP;
  const wantsAddress = needsClusterIp(service) && clusterIP !== 'None' && !kept;
  if (!wantsAddress && !needsNodePorts(service)) return [];
  const taken = takenByOthers(service, view);
  return [
    ...(wantsAddress ? allocateAddress(service, serviceCidrOf(view), taken.addresses) : []),
    ...(needsNodePorts(service) ? allocateNodePorts(service, taken.nodePorts) : []),
  ];
}

interface Taken {
  readonly addresses: ReadonlySet<string>;
  /** `TCP/30080` */
  readonly nodePorts: Set<string>;
}

const portKey = (protocol: string | undefined, port: number) => `${protocol ?? 'TCP'}/${port}`;

function takenByOthers(service: Service, view: ReadView): Taken {
  const addresses = new Set<string>();
  const nodePorts = new Set<string>();
  const prefix = resourcePrefix('', 'services');
  for (const kv of view.range(prefix, prefixEnd(prefix))) {
    const { metadata, spec } = decodeResource<Service>(kv);
    if (metadata.uid === service.metadata.uid) continue;
    if (spec?.clusterIP) addresses.add(spec.clusterIP);
    for (const { protocol, nodePort } of spec?.ports ?? []) if (nodePort) nodePorts.add(portKey(protocol, nodePort));
  }
  return { addresses, nodePorts };
}

function allocateAddress(service: Service, cidr: Cidr, taken: ReadonlySet<string>): FieldError[] {
  const spec = service.spec!;
  const wanted = spec.clusterIP || spec.clusterIPs?.[0];
  if (wanted) {
    const wrong = refusalOf(wanted, cidr, taken);
    return wrong ? [invalidValue('spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${wrong}`)] : [];
  }
  const free = freeAddress(service.metadata.uid, cidr, taken);
  if (free === undefined) return [invalidValue('spec.clusterIPs', [], 'failed to allocate a serviceIP: range is full')];
  spec.clusterIP = free;
  spec.clusterIPs = [free];
  return [];
}

/** Malformed ones are told of by the kind's own rules. */
function refusalOf(wanted: string, cidr: Cidr, taken: ReadonlySet<string>): string | undefined {
  const address = parseAddress(wanted);
  if (address === undefined) return undefined;
  const usable = containsAddress(cidr, address) && address !== cidr.base && address !== cidr.base + sizeOf(cidr.prefix) - 1;
  if (!usable) return `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${formatCidr(cidr)}`;
  return taken.has(wanted) ? 'provided IP is already allocated' : undefined;
}

/** Addresses begin at a place that follows from the uid, so that one that was given back isn't the next one's at once. */
function freeAddress(uid: string, { base, prefix }: Cidr, taken: ReadonlySet<string>): string | undefined {
  const size = sizeOf(prefix);
  const chosen = Math.min(Math.max(CHOSEN.least, size * CHOSEN.share), CHOSEN.most);
  const upper = size - 1 - chosen;
  const start = numberOf(uid) % upper;
  for (let step = 0; step < upper; step++) {
    const address = formatAddress(base + chosen + ((start + step) % upper));
    if (!taken.has(address)) return address;
  }
  // The part for chosen addresses is the last resort.
  for (let offset = 1; offset < chosen; offset++) {
    const address = formatAddress(base + offset);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

function allocateNodePorts(service: Service, taken: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  const ports = service.spec!.ports ?? [];
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    const field = `spec.ports[${index}].nodePort`;
    const key = portKey(protocol, nodePort);
    if (nodePort < NODE_PORTS.first || nodePort > NODE_PORTS.last)
      errors.push(
        invalidValue(field, nodePort, `provided port is not in the valid range. The range of valid ports is ${NODE_PORT_RANGE}`),
      );
    else if (taken.has(key)) errors.push(invalidValue(field, nodePort, 'provided port is already allocated'));
    taken.add(key);
  }
  for (const [index, port] of ports.entries()) {
    if (port.nodePort) continue;
    // One number for both protocols of one port, e.g. DNS, where that is possible.
    const sibling = ports.find((other) => other.nodePort && other.port === port.port)?.nodePort;
    const shared = sibling !== undefined && !taken.has(portKey(port.protocol, sibling)) ? sibling : undefined;
    const free = shared ?? freePort(`${service.metadata.uid}/${port.name ?? ''}/${port.port}`, port.protocol, taken);
    if (free === undefined) {
      errors.push(invalidValue(`spec.ports[${index}].nodePort`, 0, 'failed to allocate a nodePort: range is full'));
      continue;
    }
    port.nodePort = free;
    taken.add(portKey(port.protocol, free));
  }
  return errors;
}

function freePort(seed: string, protocol: string | undefined, taken: ReadonlySet<string>): number | undefined {
  const size = NODE_PORTS.last - NODE_PORTS.first + 1;
  const start = numberOf(seed) % size;
  for (let step = 0; step < size; step++) {
    const port = NODE_PORTS.first + ((start + step) % size);
    if (!taken.has(portKey(protocol, port))) return port;
  }
  return undefined;
}

const numberOf = (text: string) => createHash('sha256').update(text).digest().readUInt32BE(0);
