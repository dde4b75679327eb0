import { ROUTE_PROTOCOL } from '../names.ts';
import type { DeviceAddress, Forwarding, Neighbour, Route, VxlanLink, WireguardLink } from './state.ts';

/** Changes of the kernel's network as data: step name -> arguments. */
export interface NetworkStepArguments {
  removeLink: { readonly name: string };
  addVxlan: VxlanLink;
  /** The kernel's own. */
  addWireguard: WireguardLink;
  setLink: { readonly name: string; readonly mtu: number; readonly mac?: string };
  addAddress: DeviceAddress;
  removeAddress: DeviceAddress;
  removeRoute: Route;
  removeNeighbour: Neighbour;
  removeForwarding: Forwarding;
  setNeighbour: Neighbour;
  setForwarding: Forwarding;
  setRoute: Route;
}

export type NetworkStepType = keyof NetworkStepArguments;
export type NetworkStep = { [T in NetworkStepType]: { readonly type: T } & NetworkStepArguments[T] }[NetworkStepType];

/** A line of `ip -batch` or `bridge -batch`. Of lines for one tool the order counts. */
export interface BatchLine {
  readonly tool: 'ip' | 'bridge';
  readonly line: string;
}

export function batchLineOf(step: NetworkStep): BatchLine {
  const ip = (line: string): BatchLine => ({ tool: 'ip', line });
  switch (step.type) {
    case 'removeLink':
      return ip(`link del ${step.name}`);
    case 'addVxlan':
      return ip(
        `link add ${step.name} address ${step.mac} mtu ${step.mtu} type vxlan id ${step.vni} local ${step.local} dev ${step.under} dstport ${step.port} nolearning`,
      );
    case 'addWireguard':
      return ip(`link add ${step.name} mtu ${step.mtu} type wireguard`);
    case 'setLink':
      return ip(`link set ${step.name}${step.mac === undefined ? '' : ` address ${step.mac}`} mtu ${step.mtu} up`);
    case 'addAddress':
      return ip(`addr add ${step.address}/32 dev ${step.device}`);
    case 'removeAddress':
      return ip(`addr del ${step.address} dev ${step.device}`);
    case 'setNeighbour':
      return ip(`neigh replace ${step.address} lladdr ${step.mac} dev ${step.device} nud permanent`);
    case 'removeNeighbour':
      return ip(`neigh del ${step.address} dev ${step.device}`);
    case 'setForwarding':
      return { tool: 'bridge', line: `fdb replace ${step.mac} dev ${step.device} dst ${step.host} self permanent` };
    case 'removeForwarding':
      return { tool: 'bridge', line: `fdb del ${step.mac} dev ${step.device} dst ${step.host} self` };
    case 'setRoute':
      return ip(`route replace ${routeText(step)} proto ${ROUTE_PROTOCOL}`);
    case 'removeRoute':
      return ip(`route del ${routeText(step)} proto ${ROUTE_PROTOCOL}`);
  }
}

function routeText({ to, device, via, onlink, mtu, metric }: Route): string {
  if (device === undefined) return `unreachable ${to}${metric === undefined ? '' : ` metric ${metric}`}`;
  return [
    to,
    ...(via === undefined ? [] : [`via ${via}`]),
    `dev ${device}`,
    ...(onlink ? ['onlink'] : []),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
    ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
  ].join(' ');
}
