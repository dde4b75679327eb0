import type { LinkFacts, RouteFacts } from '../../core/network/doctor/facts.ts';

interface IpAddress {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly family?: string; readonly local?: string; readonly prefixlen?: number }[];
}

interface IpRoute {
  readonly dst?: string;
  readonly dev?: string;
  readonly type?: string;
  readonly protocol?: string;
}

/** From what `ip -j -d address show` prints. */
export function linksIn(text: string): LinkFacts[] {
  return (JSON.parse(text || '[]') as IpAddress[]).flatMap(({ ifname, mtu = 0, linkinfo, addr_info: infos = [] }) => {
    if (!ifname) return [];
    const addresses = infos.flatMap(({ family, local, prefixlen }) => (family === 'inet' ? [`${local}/${prefixlen}`] : []));
    return { name: ifname, mtu, kind: linkinfo?.info_kind ?? '', addresses };
  });
}

/** From what `ip -j route show` prints. */
export function routesIn(text: string): RouteFacts[] {
  return (JSON.parse(text || '[]') as IpRoute[]).flatMap(({ dst, dev, type, protocol = '' }) => {
    if (!dst) return [];
    const to = dst === 'default' ? '0.0.0.0/0' : dst.includes('/') ? dst : `${dst}/32`;
    return { to, device: type === 'unreachable' ? undefined : dev, protocol };
  });
}
