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
      // 0 is none, as for Kubernetes. With the host's network the container's port is the host's.
      const port = hostPort || (spec.hostNetwork ? containerPort : 0);
      if (port > 0) ports.push({ ip: hostIP || ANY, protocol: protocol ?? 'TCP', port });
    }
  }
  return ports;
}
