import type { AssignedService } from '../../core/node/assigned-services.ts';
import type { NamedEndpoint, NamedService } from '../../core/network/dns/cluster-zone.ts';

/** The services as their names say them. */
export function namedServices(services: readonly AssignedService[]): NamedService[] {
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

function endpointsOf({ ports, subsets }: AssignedService): NamedEndpoint[] {
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
