import type { PodSpec } from '../resources/schema/pod.ts';

/** A port of the host itself that a pod wants to have. */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY = '0.0.0.0';

export function hostPortsOf(spec: PodSpec): HostPort[] {
  const ports: HostPort[] = [];
  for (const container of spec.containers) {
    for (const { hostPort, hostIP, protocol, containerPort } of container.ports ?? []) {
      // With the host's network the container's port is the host's.
      const port = hostPort ?? (spec.hostNetwork ? containerPort : undefined);
      if (port !== undefined) ports.push({ ip: hostIP || ANY, protocol: protocol ?? 'TCP', port });
    }
  }
  return ports;
}

/** The host ports in use on one node. */
export class PortsInUse {
  readonly #ips = new Map<string, Set<string>>();

  conflicts(ports: readonly HostPort[]): boolean {
    return ports.some(({ ip, protocol, port }) => {
      const ips = this.#ips.get(`${protocol}/${port}`);
      return ips !== undefined && (ip === ANY ? ips.size > 0 : ips.has(ip) || ips.has(ANY));
    });
  }

  take(ports: readonly HostPort[]): void {
    for (const { ip, protocol, port } of ports) {
      const key = `${protocol}/${port}`;
      const ips = this.#ips.get(key) ?? new Set();
      this.#ips.set(key, ips.add(ip));
    }
  }
}
