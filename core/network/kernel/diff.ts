import { ROUTE_PROTOCOL } from '../names.ts';
import { OWN_DEVICES } from './dumps.ts';
import type { ObservedLink, ObservedNetwork, Route, VxlanLink, WantedNetwork } from './state.ts';
import type { NetworkStep } from './steps.ts';

/**
 * What makes the observed network the wanted one: differences only, none if they are the same. Only what bears our mark is ever changed
 * or taken away: devices by name, routes by protocol, and entries on those devices.
 */
export function networkSteps(wanted: WantedNetwork, observed: ObservedNetwork): NetworkStep[] {
  const links = new Map(observed.links.map((link) => [link.name, link]));
  const steps: NetworkStep[] = [];
  /** Devices that are not there any more when the other steps come, and all that was on them with them. */
  const gone = new Set<string>();

  for (const name of OWN_DEVICES) {
    const found = links.get(name);
    if (!found) continue;
    const link = wanted.links.find((one) => one.name === name);
    if (link?.kind === 'vxlan' ? sameVxlan(link, found) : link && (link.by === 'userspace' || found.kind === 'wireguard'))
      continue;
    steps.push({ type: 'removeLink', name });
    gone.add(name);
  }
  for (const link of wanted.links) {
    const found = gone.has(link.name) ? undefined : links.get(link.name);
    if (!found) {
      if (link.kind === 'vxlan') steps.push({ type: 'addVxlan', ...link });
      else if (link.by === 'kernel') steps.push({ type: 'addWireguard', ...link });
      // A program makes it; until it has, there is nothing to set up.
      else continue;
    }
    const mac = link.kind === 'vxlan' && found && found.mac !== link.mac ? { mac: link.mac } : {};
    if (!found?.up || found.mtu !== link.mtu || 'mac' in mac)
      steps.push({ type: 'setLink', name: link.name, mtu: link.mtu, ...mac });
  }

  const usable = new Set(observed.links.map(({ name }) => name).filter((name) => !gone.has(name)));
  for (const step of steps) if (step.type === 'addVxlan' || step.type === 'addWireguard') usable.add(step.name);
  steps.push(...addressSteps(wanted, links, gone, usable));
  steps.push(...entrySteps(wanted, observed, gone, usable));
  return steps;
}

function sameVxlan({ vni, port, local, under }: VxlanLink, { vxlan }: ObservedLink): boolean {
  return vxlan?.vni === vni && vxlan.port === port && vxlan.local === local && vxlan.under === under && !vxlan.learning;
}

function addressSteps(
  wanted: WantedNetwork,
  links: ReadonlyMap<string, ObservedLink>,
  gone: ReadonlySet<string>,
  usable: ReadonlySet<string>,
): NetworkStep[] {
  const steps: NetworkStep[] = [];
  const held = (device: string) => (gone.has(device) ? [] : (links.get(device)?.addresses ?? []));
  for (const device of OWN_DEVICES) {
    const own = wanted.addresses.filter((one) => one.device === device).map(({ address }) => `${address}/32`);
    for (const address of held(device)) if (!own.includes(address)) steps.push({ type: 'removeAddress', device, address });
  }
  for (const one of wanted.addresses)
    if (usable.has(one.device) && !held(one.device).includes(`${one.address}/32`)) steps.push({ type: 'addAddress', ...one });
  return steps;
}

/** First what goes, then how a host is found, and then that packets are sent there. */
function entrySteps(
  wanted: WantedNetwork,
  observed: ObservedNetwork,
  gone: ReadonlySet<string>,
  usable: ReadonlySet<string>,
): NetworkStep[] {
  const stays = (device: string | undefined) => device === undefined || !gone.has(device);
  const may = (device: string | undefined) => device === undefined || usable.has(device);

  const routes = observed.routes.filter(({ protocol, device }) => protocol === String(ROUTE_PROTOCOL) && stays(device));
  const neighbours = observed.neighbours.filter(({ device }) => stays(device));
  const forwarding = observed.forwarding.filter(({ device }) => stays(device));

  const routeKey = ({ to, metric = 0 }: Route) => `${to} ${metric}`;
  const routeValue = (route: Route) => `${route.device} ${route.via} ${route.onlink ?? false} ${route.mtu}`;
  const heldRoutes = new Map(routes.map((route) => [routeKey(route), routeValue(route)]));
  const heldNeighbours = new Map(neighbours.map(({ address, mac }) => [address, mac]));
  // A hardware address may wrongly lead to two hosts: each pair counts.
  const heldForwarding = new Set(forwarding.map(({ mac, host }) => `${mac} ${host}`));

  // Somebody else's route to the same place stays, and is told of as a clash.
  const foreign = new Set(observed.routes.filter(({ protocol }) => protocol !== String(ROUTE_PROTOCOL)).map(routeKey));
  const wantedRoutes = new Set(wanted.routes.map(routeKey));
  const wantedNeighbours = new Set(wanted.neighbours.map(({ address }) => address));
  const wantedForwarding = new Set(wanted.forwarding.map(({ mac, host }) => `${mac} ${host}`));

  const steps: NetworkStep[] = [];
  for (const { protocol: _, ...route } of routes)
    if (!wantedRoutes.has(routeKey(route))) steps.push({ type: 'removeRoute', ...route });
  for (const one of neighbours) if (!wantedNeighbours.has(one.address)) steps.push({ type: 'removeNeighbour', ...one });
  for (const one of forwarding)
    if (!wantedForwarding.has(`${one.mac} ${one.host}`)) steps.push({ type: 'removeForwarding', ...one });
  for (const one of wanted.neighbours)
    if (may(one.device) && heldNeighbours.get(one.address) !== one.mac) steps.push({ type: 'setNeighbour', ...one });
  for (const one of wanted.forwarding)
    if (may(one.device) && !heldForwarding.has(`${one.mac} ${one.host}`)) steps.push({ type: 'setForwarding', ...one });
  for (const one of wanted.routes)
    if (may(one.device) && !foreign.has(routeKey(one)) && heldRoutes.get(routeKey(one)) !== routeValue(one))
      steps.push({ type: 'setRoute', ...one });
  return steps;
}
