import { createConnection } from 'node:net';
import os from 'node:os';
import type { AssignedNetwork, NetworkPeer } from '../../core/network/assigned-network.ts';
import type { PeerProbe } from '../../core/network/doctor/facts.ts';
import { bridgeOf, gatewayOf } from '../../core/network/names.ts';
import { asks } from './ask.ts';
import { linksIn } from './ip-facts.ts';
import { runTool } from './run-tool.ts';

/** Of a large cluster, so many hosts are tried, from the one after this host on: each host tries others. */
const PEERS_MAX = 20;
const AT_ONCE = 10;
/** A tunnel may have to be set up first: the second try finds it. */
const TRIES = 3;
const TIMEOUT_MS = 1_000;
/** Nobody listens there (discard): a refusal shows that the host is up. */
const ANY_PORT = 9;

/** Asks the name servers of other hosts, through the pods' network. */
export async function probePeers({
  assigned,
  signal,
}: {
  readonly assigned: AssignedNetwork;
  readonly signal: AbortSignal;
}): Promise<PeerProbe[]> {
  const own = gatewayOf(assigned.subnet!);
  const mtu = await podMtu(assigned.subnet!, signal);
  const peers = chosen(assigned);
  const probes: PeerProbe[] = [];
  for (let at = 0; at < peers.length && !signal.aborted; at += AT_ONCE) {
    probes.push(
      ...(await Promise.all(peers.slice(at, at + AT_ONCE).map((peer) => probe(peer, assigned.clusterDomain, own, mtu, signal)))),
    );
  }
  return probes;
}

function chosen({ peers, subnet = '' }: AssignedNetwork): readonly NetworkPeer[] {
  if (peers.length <= PEERS_MAX) return peers;
  const sorted = [...peers].sort((a, b) => (a.subnet < b.subnet ? -1 : 1));
  const first = Math.max(
    0,
    sorted.findIndex((peer) => peer.subnet > subnet),
  );
  return [...sorted.slice(first), ...sorted.slice(0, first)].slice(0, PEERS_MAX);
}

async function probe(peer: NetworkPeer, domain: string, own: string, mtu: number, signal: AbortSignal): Promise<PeerProbe> {
  // From an address of the cluster: others are not answered, and what goes back takes the same way.
  const from = hasAddress(own) ? { from: own } : {};
  const question = {
    ...from,
    server: gatewayOf(peer.subnet),
    name: `dns-version.${domain}`,
    type: 'TXT',
    timeoutMs: TIMEOUT_MS,
    signal,
  } as const;
  const answers = async (packetBytes?: number) => {
    for (let attempt = 0; attempt < TRIES && !signal.aborted; attempt++)
      if (await asks({ ...question, ...(packetBytes !== undefined && { packetBytes }) })) return true;
    return false;
  };
  const [answered, hostAnswers] = await Promise.all([answers(), isUp(peer.address, signal)]);
  return {
    node: peer.node,
    answered,
    answeredFull: answered ? await answers(mtu) : undefined,
    packetBytes: mtu,
    hostAnswers,
  };
}

function isUp(host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: ANY_PORT });
    const end = (up: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(up);
    };
    const timer = setTimeout(() => end(false), TIMEOUT_MS * 2);
    signal.addEventListener('abort', () => end(false), { once: true });
    socket.on('connect', () => end(true));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
  });
}

/** What pods send: their bridge's, where it is. */
async function podMtu(subnet: string, signal: AbortSignal): Promise<number> {
  const text = await runTool('ip', ['-j', 'address', 'show', 'dev', bridgeOf(subnet)], signal).catch(() => '[]');
  return linksIn(text)[0]?.mtu ?? 1_400;
}

function hasAddress(address: string): boolean {
  return Object.values(os.networkInterfaces()).some((addresses) => addresses?.some((own) => own.address === address));
}
