import { VXLAN_DEVICE, WIREGUARD_DEVICE } from '../names.ts';
import type { Forwarding, Neighbour, ObservedLink, ObservedNetwork, ObservedRoute } from './state.ts';

/** What is asked of `ip -j -d -force -batch -`, one answer a line. One that fails (no such device) leaves no line. */
export const IP_DUMP: readonly string[] = ['addr show', 'route show table main', `neigh show dev ${VXLAN_DEVICE} nud permanent`];
/** Arguments of `bridge -j`. Fails where there is no such device. */
export const FDB_DUMP: readonly string[] = ['fdb', 'show', 'dev', VXLAN_DEVICE];

interface IpLink {
  readonly ifname: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: {
      readonly id?: number;
      readonly port?: number;
      readonly local?: string;
      readonly link?: string;
      readonly learning?: boolean;
    };
  };
  readonly addr_info?: readonly { readonly family?: string; readonly local?: string; readonly prefixlen?: number }[];
}

interface IpRoute {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly flags?: readonly string[];
  readonly metrics?: readonly { readonly mtu?: number }[];
}

interface IpNeighbour {
  readonly dst: string;
  readonly lladdr?: string;
}

interface BridgeEntry {
  readonly mac: string;
  readonly dst?: string;
  readonly state?: string;
}

/** Reads the answers (iproute2's JSON, ip-link(8), bridge(8)). Throws SyntaxError if they are no JSON. */
export function readDumps(ip: string, fdb: string): ObservedNetwork {
  const [links = [], routes = [], neighbours = []] = ip
    .split('\n')
    .filter((line) => line.startsWith('['))
    .map((line) => JSON.parse(line) as unknown[]);
  const entries = fdb.trim() === '' ? [] : (JSON.parse(fdb) as BridgeEntry[]);
  return {
    links: (links as IpLink[]).map(linkOf),
    routes: (routes as IpRoute[]).map(routeOf),
    neighbours: (neighbours as IpNeighbour[]).flatMap(({ dst, lladdr }): Neighbour[] =>
      lladdr ? [{ device: VXLAN_DEVICE, address: dst, mac: lladdr }] : [],
    ),
    forwarding: entries.flatMap(({ mac, dst, state }): Forwarding[] =>
      dst && state === 'permanent' ? [{ device: VXLAN_DEVICE, mac, host: dst }] : [],
    ),
  };
}

function linkOf({ ifname, flags = [], mtu = 0, address = '', linkinfo, addr_info = [] }: IpLink): ObservedLink {
  const kind = linkinfo?.info_kind ?? '';
  const data = linkinfo?.info_data;
  return {
    name: ifname,
    up: flags.includes('UP'),
    mtu,
    mac: address,
    kind,
    ...(kind === 'vxlan' && {
      vxlan: {
        vni: data?.id ?? 0,
        port: data?.port ?? 0,
        local: data?.local ?? '',
        under: data?.link ?? '',
        learning: data?.learning ?? true,
      },
    }),
    addresses: addr_info.filter(({ family }) => family === 'inet').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  };
}

function routeOf({ type, dst, gateway, dev, protocol = '', metric, flags = [], metrics = [] }: IpRoute): ObservedRoute {
  const mtu = metrics.find((one) => one.mtu !== undefined)?.mtu;
  const cidr = dst === 'default' ? '0.0.0.0/0' : dst.includes('/') ? dst : `${dst}/32`;
  return {
    to: cidr,
    protocol,
    ...(type !== 'unreachable' && dev !== undefined && { device: dev }),
    ...(gateway !== undefined && { via: gateway }),
    ...(flags.includes('onlink') && { onlink: true }),
    ...(mtu !== undefined && { mtu }),
    ...(metric !== undefined && { metric }),
  };
}

/** Devices that are ours by their names. */
export const OWN_DEVICES: readonly string[] = [VXLAN_DEVICE, WIREGUARD_DEVICE];
