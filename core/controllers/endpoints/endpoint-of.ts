import type { Container, Pod } from '../../resources/schema/pod.ts';
import type { SliceEndpoint, SlicePort } from '../../resources/schema/endpoint-slice.ts';
import type { Service } from '../../resources/schema/service.ts';
import { isFinished, isReady, podAddress } from '../pod-state.ts';

/** What a pod is to a Service that selects it. undefined: it has no address (any more). */
export function endpointOf(service: Service, pod: Pod): SliceEndpoint | undefined {
  const ip = podAddress(pod);
  if (!ip || isFinished(pod)) return undefined;
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { name, namespace, uid } = pod.metadata;
  const { hostname, subdomain, nodeName } = pod.spec;
  return {
    addresses: [ip],
    // A pod that ends takes no new traffic, unless the Service asks for whatever there is.
    conditions: { ready: (serving && !terminating) || service.spec?.publishNotReadyAddresses === true, serving, terminating },
    ...(hostname && subdomain === service.metadata.name && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', namespace: namespace ?? '', name, uid },
  };
}

/** The Service's ports on this pod: named target ports are looked up in its containers, and left out where there is none of that name. */
export function portsOn({ spec }: Service, pod: Pod): SlicePort[] {
  return (spec?.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port, targetPort = port, appProtocol }) => {
    const number = typeof targetPort === 'number' ? targetPort : containerPort(pod.spec.containers, targetPort, protocol);
    return number === undefined ? [] : [{ name, port: number, protocol, ...(appProtocol && { appProtocol }) }];
  });
}

function containerPort(containers: readonly Container[], name: string, protocol: string): number | undefined {
  for (const { ports = [] } of containers) {
    const found = ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

/** As if every pod had the Service's numeric ports: what an empty slice shows. */
export function portsWithoutPods({ spec }: Service): SlicePort[] {
  return (spec?.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port, targetPort = port, appProtocol }) =>
    typeof targetPort === 'number' ? [{ name, port: targetPort, protocol, ...(appProtocol && { appProtocol }) }] : [],
  );
}
