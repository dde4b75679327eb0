import { ROUTE_PROTOCOL } from '../names.ts';
import type { Forwarding, Neighbour, ObservedLink, ObservedNetwork, ObservedRoute, Route } from './state.ts';
import type { NetworkStep } from './steps.ts';

/** What the kernel holds when these steps were taken: so the next difference can be worked out without a look at all of it. */
export function afterSteps(observed: ObservedNetwork, steps: readonly NetworkStep[]): ObservedNetwork {
  const routeKey = ({ to, metric = 0 }: Route) => `${to} ${metric}`;
  const forwardingKey = ({ mac, host }: Forwarding) => `${mac} ${host}`;
  const links = new Map<string, ObservedLink>(observed.links.map((one) => [one.name, one]));
  const routes = new Map<string, ObservedRoute>(observed.routes.map((one) => [routeKey(one), one]));
  const neighbours = new Map<string, Neighbour>(observed.neighbours.map((one) => [one.address, one]));
  const forwarding = new Map<string, Forwarding>(observed.forwarding.map((one) => [forwardingKey(one), one]));
  const hosts = new Map(observed.forwarding.map(({ mac, host }) => [mac, host]));
  const protocol = String(ROUTE_PROTOCOL);
  const change = (name: string, to: (link: ObservedLink) => Partial<ObservedLink>) => {
    const link = links.get(name);
    if (link) links.set(name, { ...link, ...to(link) });
  };

  for (const step of steps) {
    switch (step.type) {
      case 'removeLink':
        links.delete(step.name);
        for (const map of [routes, neighbours, forwarding])
          for (const [key, { device }] of map) if (device === step.name) map.delete(key);
        break;
      case 'addVxlan': {
        const { name, mac, mtu, vni, port, local, under } = step;
        const vxlan = { vni, port, local, under, learning: false };
        links.set(name, { name, up: false, mtu, mac, kind: 'vxlan', vxlan, addresses: [] });
        break;
      }
      case 'addWireguard':
        links.set(step.name, { name: step.name, up: false, mtu: step.mtu, mac: '', kind: 'wireguard', addresses: [] });
        break;
      case 'setLink':
        change(step.name, ({ mac }) => ({ up: true, mtu: step.mtu, mac: step.mac ?? mac }));
        break;
      case 'addAddress':
        change(step.device, ({ addresses }) => ({ addresses: [...addresses, `${step.address}/32`] }));
        break;
      case 'removeAddress':
        change(step.device, ({ addresses }) => ({ addresses: addresses.filter((one) => one !== step.address) }));
        break;
      case 'removeRoute':
        routes.delete(routeKey(step));
        break;
      case 'setRoute': {
        const { type: _, ...route } = step;
        routes.set(routeKey(step), { ...route, protocol });
        break;
      }
      case 'removeNeighbour':
        neighbours.delete(step.address);
        break;
      case 'setNeighbour': {
        const { type: _, ...entry } = step;
        neighbours.set(step.address, entry);
        break;
      }
      case 'removeForwarding':
        forwarding.delete(forwardingKey(step));
        break;
      case 'setForwarding': {
        const { type: _, ...entry } = step;
        const before = hosts.get(step.mac);
        if (before !== undefined) forwarding.delete(`${step.mac} ${before}`);
        hosts.set(step.mac, step.host);
        forwarding.set(forwardingKey(entry), entry);
        break;
      }
    }
  }
  return {
    links: [...links.values()],
    routes: [...routes.values()],
    neighbours: [...neighbours.values()],
    forwarding: [...forwarding.values()],
  };
}
