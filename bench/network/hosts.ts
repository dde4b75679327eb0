import { execFileSync, spawn } from 'node:child_process';
import { inside, ip, makeNamespace, makeSwitch, plug, removeNamespaces } from '../../test/support/netlab/namespaces.ts';

/** Two hosts on a switch, with a pod each, as network namespaces. */
export interface BenchHosts {
  readonly hosts: readonly [string, string];
  readonly pods: readonly [string, string];
  readonly underlay: readonly [string, string];
  /** Gives each pod an address in each of these networks: 10.<network>.<1|2>.2, on a bridge of its own. */
  join(network: number, bridge: string, mtu: number): void;
  remove(): Promise<void>;
}

export function benchHosts(): BenchHosts {
  const id = `tb${process.pid.toString(36)}`;
  const hosts = [`${id}-h1`, `${id}-h2`] as const;
  const pods = [`${id}-p1`, `${id}-p2`] as const;
  const sw = `${id}-sw`;
  makeSwitch(sw);
  for (const [index, host] of hosts.entries()) {
    makeNamespace(host);
    plug(host, sw, { device: 'eth0', port: `p${index}`, address: `192.168.77.${index + 1}/24` });
    inside(host, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    makeNamespace(pods[index]!);
  }
  let joined = 0;
  return {
    hosts,
    pods,
    underlay: ['192.168.77.1', '192.168.77.2'],
    join(network, bridge, mtu) {
      const device = `eth${joined++}`;
      for (const [index, host] of hosts.entries()) {
        const pod = pods[index]!;
        const part = `10.${network}.${index + 1}`;
        ip('-n', host, 'link', 'add', bridge, 'mtu', String(mtu), 'type', 'bridge');
        ip('-n', host, 'addr', 'add', `${part}.1/24`, 'dev', bridge);
        ip('-n', host, 'link', 'set', bridge, 'up');
        ip('link', 'add', device, 'netns', pod, 'mtu', String(mtu), 'type', 'veth', 'peer', 'name', `v${network}`, 'netns', host);
        ip('-n', host, 'link', 'set', `v${network}`, 'mtu', String(mtu), 'master', bridge, 'up');
        ip('-n', pod, 'addr', 'add', `${part}.2/24`, 'dev', device);
        ip('-n', pod, 'link', 'set', device, 'up');
        ip('-n', pod, 'route', 'add', `10.${network}.0.0/16`, 'via', `${part}.1`);
      }
    },
    remove: () => removeNamespaces([...hosts, ...pods, sw]),
  };
}

/** flannel's VXLAN set up by hand, one command after the other: VNI 2, device `hand`. */
export function handMadeVxlan({ hosts, underlay }: BenchHosts, network: number): void {
  const mac = (index: number) => `02:00:0a:00:0${index + 1}:00`;
  for (const [index, host] of hosts.entries()) {
    const peer = 1 - index;
    const ipIn = (...args: string[]) => ip('-n', host, ...args);
    const device = `link add hand address ${mac(index)} mtu 1450 type vxlan id 2 local ${underlay[index]} dev eth0 dstport 8473 nolearning`;
    ipIn(...device.split(' '));
    ipIn('addr', 'add', `10.${network}.${index + 1}.0/32`, 'dev', 'hand');
    ipIn('link', 'set', 'hand', 'up');
    ipIn('neigh', 'replace', `10.${network}.${peer + 1}.0`, 'lladdr', mac(peer), 'dev', 'hand', 'nud', 'permanent');
    inside(host, 'bridge', 'fdb', 'replace', mac(peer), 'dev', 'hand', 'dst', underlay[peer]!, 'self', 'permanent');
    ipIn('route', 'replace', `10.${network}.${peer + 1}.0/24`, 'via', `10.${network}.${peer + 1}.0`, 'dev', 'hand', 'onlink');
  }
}

/** TCP, one stream, Gbit/s as received. */
export async function throughput(from: string, to: string, address: string, seconds: number): Promise<number> {
  const server = spawn('nsenter', [`--net=/run/netns/${to}`, 'iperf3', '-s', '-1', '-B', address], { stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        const text = execFileSync(
          'nsenter',
          [`--net=/run/netns/${from}`, 'iperf3', '-c', address, '-t', String(seconds), '-J', '--connect-timeout', '2000'],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        );
        return (
          (JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received.bits_per_second / 1e9
        );
      } catch (error) {
        // The server may not listen yet.
        if (attempt === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    server.kill();
    await ended;
  }
}

/** Mean round trip, ms. */
export function latency(from: string, address: string, count: number): number {
  const text = inside(from, 'ping', '-n', '-q', '-c', String(count), '-i', '0.005', address);
  return Number(/= [\d.]+\/([\d.]+)\//.exec(text)?.[1] ?? Number.NaN);
}
