import { execFile } from 'node:child_process';
import { BRIDGE_PREFIX } from '../../core/network/names.ts';
import { formatCidr, networkOf, parseAddress } from '../../core/network/ipv4.ts';
import type { PodBridge } from '../../core/network/services/bridge-table.ts';

/** Docker's own bridge: where pods are as long as the cluster has no network. */
const DOCKER_BRIDGE = 'docker0';
const TIMEOUT_MS = 10_000;

interface Link {
  readonly ifname?: string;
  readonly address?: string;
  readonly addr_info?: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

/** The bridges of this host that pods are on. `prefix` looks elsewhere, e.g. `['nsenter', '--net=/run/netns/h1']`. Throws. */
export async function podBridges(prefix: readonly string[] = []): Promise<PodBridge[]> {
  const [command, ...args] = [...prefix, 'ip', '-j', 'address', 'show', 'type', 'bridge'];
  const text = await new Promise<string>((resolve, reject) => {
    execFile(command!, args, { timeout: TIMEOUT_MS }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
  return bridgesIn(JSON.parse(text || '[]') as readonly Link[]);
}

/** From what `ip -j address` prints. */
export function bridgesIn(links: readonly Link[]): PodBridge[] {
  return links.flatMap(({ ifname = '', address, addr_info: infos = [] }) => {
    if (!address || (ifname !== DOCKER_BRIDGE && !ifname.startsWith(BRIDGE_PREFIX))) return [];
    return infos.flatMap(({ family, local, prefixlen }) => {
      const own = family === 'inet' ? parseAddress(local) : undefined;
      return own === undefined ? [] : [{ name: ifname, mac: address, subnet: formatCidr(networkOf(own, prefixlen)) }];
    });
  });
}
