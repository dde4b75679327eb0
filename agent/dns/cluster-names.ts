import type { NamedEndpoint, NamedService } from '../../core/network/dns/cluster-zone.ts';

/** What names need to know of a Service: the assignment's services have all of it. */
export interface ServiceToName {
  readonly namespace: string;
  readonly name: string;
  readonly clusterIP?: string;
  readonly externalName?: string;
  readonly ports: readonly { readonly name?: string; readonly protocol: string; readonly port: number }[];
  /** Endpoints by the ports that they have: for each of the Service's ports, in its order, theirs. */
  readonly subsets: readonly {
    readonly ports: readonly (number | null)[];
    readonly endpoints: readonly { readonly ip: string; readonly hostname?: string }[];
  }[];
}

/** The services as their names say them. */
export function namedServices(services: readonly ServiceToName[]): NamedService[] {
  return services.map((service) => {
    const { namespace, name, clusterIP, externalName, ports } = service;
    const headless = clusterIP === undefined && externalName === undefined;
    return {
      namespace,
      name,
      clusterIps: clusterIP === undefined ? [] : [clusterIP],
      externalName,
      ports,
      // Nobody but the host's routes has to know who is behind a cluster IP.
      endpoints: headless ? endpointsOf(service) : [],
    };
  });
}

function endpointsOf({ ports, subsets }: ServiceToName): NamedEndpoint[] {
  const byAddress = new Map<string, NamedEndpoint & { readonly ports: NamedEndpoint['ports'][number][] }>();
  for (const subset of subsets) {
    for (const { ip, hostname } of subset.endpoints) {
      const known = byAddress.get(ip);
      const endpoint = known ?? { address: ip, hostname, ports: [] };
      byAddress.set(ip, endpoint);
      for (const [index, number] of subset.ports.entries()) {
        const port = ports[index];
        if (port && number !== null) endpoint.ports.push({ name: port.name, protocol: port.protocol, port: number });
      }
    }
  }
  return [...byAddress.values()];
}
