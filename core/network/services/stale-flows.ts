import type { AssignedService } from '../../node/assigned-services.ts';

/** Where datagrams for a Service's door were sent, though nobody is there any more. */
export interface StaleFlow {
  readonly address: string | undefined;
  readonly port: number;
  /** undefined: wherever they were sent, if not to an endpoint at all. */
  readonly endpoint: string | undefined;
}

/**
 * The kernel remembers where it sent a flow of datagrams for as long as they come, so that those of a busy client would go to an endpoint
 * that has vanished for ever. (A TCP client finds out by itself.) Likewise what came while there was no endpoint at all.
 */
export function staleFlows(before: readonly AssignedService[], after: readonly AssignedService[]): StaleFlow[] {
  const next = new Map(after.map((service) => [keyOf(service), service]));
  const stale: StaleFlow[] = [];
  const now = new Map(before.map((service) => [keyOf(service), service]));
  for (const service of before) {
    const later = next.get(keyOf(service));
    if (later === service) continue;
    for (const { door, index } of datagramDoors(service)) {
      const left = later === undefined ? new Set<string>() : endpointsAt(later, samePort(service, index, later));
      for (const endpoint of endpointsAt(service, index)) if (!left.has(endpoint)) stale.push({ ...door, endpoint });
    }
  }
  for (const service of after) {
    const earlier = now.get(keyOf(service));
    for (const { door, index } of datagramDoors(service)) {
      if (endpointsAt(service, index).size === 0) continue;
      const had = earlier === undefined ? 0 : endpointsAt(earlier, samePort(service, index, earlier)).size;
      if (had === 0) stale.push({ ...door, endpoint: undefined });
    }
  }
  return stale;
}

const keyOf = ({ namespace, name }: AssignedService) => `${namespace}/${name}`;

function samePort(service: AssignedService, index: number, other: AssignedService): number {
  const { protocol, port } = service.ports[index]!;
  return other.ports.findIndex((each) => each.protocol === protocol && each.port === port);
}

function endpointsAt({ subsets }: AssignedService, index: number): Set<string> {
  const found = new Set<string>();
  for (const { ports, endpoints } of subsets) {
    const port = ports[index];
    if (port !== null && port !== undefined) for (const { ip } of endpoints) found.add(ip);
  }
  return found;
}

interface Door {
  readonly door: { readonly address: string | undefined; readonly port: number };
  readonly index: number;
}

function datagramDoors({ clusterIP, externalIPs = [], ports }: AssignedService): Door[] {
  if (clusterIP === undefined) return [];
  return ports.flatMap(({ protocol, port, nodePort }, index) =>
    protocol === 'UDP'
      ? [
          ...[clusterIP, ...externalIPs].map((address) => ({ door: { address, port }, index })),
          ...(nodePort ? [{ door: { address: undefined, port: nodePort }, index }] : []),
        ]
      : [],
  );
}
