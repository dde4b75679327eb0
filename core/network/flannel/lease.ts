import * as z from 'zod';
import type { AssignedNetwork, NetworkPeer } from '../assigned-network.ts';
import { formatCidr, parseAddress, parseCidr } from '../ipv4.ts';
import { vtepMacOf } from '../names.ts';
import { readFlannelConfig } from './config.ts';

/** flannel's books in etcd, below its prefix (`/coreos.com/network`): `config`, and `subnets/10.5.52.0-24` for each host's lease. */

export const FLANNEL_PREFIX = '/coreos.com/network';
/** flannel's own, seconds. */
export const LEASE_SECONDS = 86_400;

const leaseSchema = z.object({
  PublicIP: z.string(),
  BackendType: z.string(),
  BackendData: z.object({ VNI: z.number().optional(), VtepMAC: z.string().optional() }).nullish(),
});

export interface FlannelLease {
  readonly subnet: string;
  readonly publicIp: string;
  readonly backend: string;
  readonly vni?: number;
  readonly vtepMac?: string;
}

export function leaseKey(prefix: string, subnet: string): string {
  return `${prefix}/subnets/${subnet.replace('/', '-')}`;
}

/** Undefined if the key or its value isn't an IPv4 lease: flannel's books may hold others. */
export function readLease(prefix: string, key: string, value: string): FlannelLease | undefined {
  const name = key.slice(`${prefix}/subnets/`.length).split('&')[0] ?? '';
  const cidr = parseCidr(name.replace('-', '/'));
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return undefined;
  }
  const parsed = leaseSchema.safeParse(json);
  if (!cidr || !parsed.success || parseAddress(parsed.data.PublicIP) === undefined) return undefined;
  const { PublicIP, BackendType, BackendData } = parsed.data;
  return {
    subnet: formatCidr(cidr),
    publicIp: PublicIP,
    backend: BackendType,
    ...(BackendData?.VNI !== undefined && { vni: BackendData.VNI }),
    ...(BackendData?.VtepMAC && { vtepMac: BackendData.VtepMAC.toLowerCase() }),
  };
}

/** The lease of a host of ours, as flannel's other hosts read it. */
export function leaseValue({ subnet, backend }: AssignedNetwork, address: string): string {
  return JSON.stringify({
    PublicIP: address,
    PublicIPv6: null,
    BackendType: backend.type === 'host-gw' ? 'host-gw' : 'vxlan',
    ...(backend.type !== 'host-gw' && { BackendData: { VNI: backend.vni, VtepMAC: vtepMacOf(subnet!) } }),
  });
}

/** Why this host can't take part in that network, in words; undefined if it can. `config` is flannel's, as JSON. */
export function flannelMismatch({ network, backend }: AssignedNetwork, config: string): string | undefined {
  const read = readFlannelConfig(config);
  if ('problem' in read) return `flannel's configuration: ${read.problem}`;
  const { network: theirs, backend: { type, vni = 1, port = 8472 } = {} } = read.spec;
  if (theirs !== network) return `flannel's network is ${theirs}, the cluster's ${network}: set spec.network of the Network`;
  const wanted = backend.type === 'host-gw' ? 'host-gw' : 'vxlan';
  if (type !== wanted) return `flannel's backend is ${type}, the cluster's ${backend.type}: set spec.backend.type of the Network`;
  if (wanted === 'vxlan' && (vni !== backend.vni || port !== backend.port))
    return `flannel has VNI ${vni} and port ${port}, the cluster ${backend.vni} and ${backend.port}: set spec.backend of the Network`;
  return undefined;
}

/** The network with flannel's hosts as peers, beside those that have moved already. */
export function withFlannelPeers(assigned: AssignedNetwork, leases: readonly FlannelLease[], mtu: number): AssignedNetwork {
  const ours = new Set([assigned.subnet, ...assigned.peers.map(({ subnet }) => subnet)]);
  const theirs = leases
    .filter(({ subnet, backend, vtepMac }) => !ours.has(subnet) && (backend === 'host-gw' || (backend === 'vxlan' && vtepMac)))
    .map(
      (lease): NetworkPeer => ({
        node: `flannel-${lease.publicIp}`,
        subnet: lease.subnet,
        address: lease.publicIp,
        mtu,
        vtepMac: lease.vtepMac ?? vtepMacOf(lease.subnet),
      }),
    );
  return { ...assigned, peers: [...assigned.peers, ...theirs] };
}
