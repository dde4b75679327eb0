import { createSocket, type Socket } from 'node:dgram';
import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { parseCidr } from '../../core/network/ipv4.ts';
import { gatewayOf } from '../../core/network/names.ts';
import { afterRound, ROUNDS_TO_NOTICE, type Suspicion, suspicionsIn, type WatchedPeer } from '../../core/network/watch-round.ts';
import { watchedBy } from '../../core/network/watched.ts';

export interface PeerWatchOptions {
  readonly nodeName: string;
  /** This host's part in the network; undefined: it takes none, and watches nobody. */
  readonly assigned: () => AssignedNetwork | undefined;
  /** Within about so long it is noticed that a peer is gone, ms. */
  readonly noticeMs: () => number;
  /** The control plane's time, ms since the epoch. */
  readonly serverTime: () => number;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
}

export interface PeerWatch {
  /** Peers that answered once and do no more, by name. */
  suspicions(): readonly Suspicion[];
  /** Those of the watched peers that have answered, by name: false, if they are suspected. */
  answering(): ReadonlyMap<string, boolean>;
  /** There may be other peers, or another time to notice. */
  check(): void;
}

/** Nobody listens there (discard): the refusal is the kernel's, and as good an answer as any. */
const PORT = 9;
const ROUND_MS_MIN = 1_000;
/** A new peer is not left for the next round, ms: if it is lost before it has answered once, nobody misses it. */
const GREET_MS = 1_000;
/** So often: the way there is made in these moments, or there may be a firewall. */
const GREETINGS = 10;
const PROBE = Buffer.from('?');

/** A socket that sends to one peer, and is told of refusals from there. */
interface Line {
  readonly address: string;
  readonly socket: Socket;
  connected: boolean;
}

/**
 * Sends a few other hosts a packet now and then through the pods' network, to their pods' gateway. That one comes back, be it a refusal, shows that
 * the host is there, whatever runs on it. A word of this is no more than a suspicion: it may be the path.
 */
export function watchPeers({ nodeName, assigned, noticeMs, serverTime, signal, onChange }: PeerWatchOptions): PeerWatch {
  const lines = new Map<string, Line>();
  const answered = new Set<string>();
  let peers: ReadonlyMap<string, WatchedPeer> = new Map();
  /** How often those were greeted that haven't answered yet. */
  const greeted = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let greetTimer: ReturnType<typeof setTimeout> | undefined;
  let roundAt = 0;

  /** Whom this host watches, with the address that is asked. */
  function watched(): Map<string, string> {
    const network = assigned();
    const others = new Map(
      network?.subnet === undefined
        ? []
        : network.peers.flatMap(({ node, subnet }) => (parseCidr(subnet) ? [[node, gatewayOf(subnet)] as const] : [])),
    );
    const names = watchedBy(nodeName, others.keys(), new Set(suspicionsIn(peers).map(({ node }) => node)));
    return new Map(names.map((name) => [name, others.get(name)!]));
  }

  function round(): void {
    roundAt = performance.now();
    const before = suspicionsIn(peers);
    const now = watched();
    peers = afterRound(peers, now.keys(), answered, serverTime());
    answered.clear();
    for (const node of lines.keys()) if (!peers.has(node)) forget(node);
    for (const node of greeted.keys()) if (!peers.has(node)) greeted.delete(node);
    for (const [node, address] of now) probe(node, address);
    if (JSON.stringify(suspicionsIn(peers)) !== JSON.stringify(before)) onChange();
    plan();
  }

  function plan(): void {
    clearTimeout(timer);
    const every = Math.max(ROUND_MS_MIN, noticeMs() / ROUNDS_TO_NOTICE);
    timer = setTimeout(round, Math.max(0, roundAt + every - performance.now()));
  }

  function greet(): void {
    greetTimer = undefined;
    let more = false;
    for (const [node, address] of watched()) {
      const times = greeted.get(node) ?? 0;
      if (peers.get(node)?.answers || answered.has(node) || times >= GREETINGS) continue;
      greeted.set(node, times + 1);
      probe(node, address);
      more = true;
    }
    if (more) greetTimer = setTimeout(greet, GREET_MS);
  }

  function probe(node: string, address: string): void {
    const line = lines.get(node);
    const { answers = false, missed = 0 } = peers.get(node) ?? {};
    // Without an answer by another one: the way there may have changed, and this host's address with it, to which a socket is bound. After a boot
    // the first probe comes before there is a network.
    if (line?.connected && line.address === address && answers && missed === 0) return line.socket.send(PROBE, () => undefined);
    forget(node);
    const socket = createSocket('udp4');
    const made = { address, socket, connected: false };
    lines.set(node, made);
    const heard = () => {
      if (lines.get(node) === made) answered.add(node);
    };
    socket.on('message', heard);
    socket.on('connect', () => {
      made.connected = true;
      socket.send(PROBE, () => undefined);
    });
    // What can't be sent (no route, no device) gets no answer: that is all there is to know of it.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') heard();
    });
    socket.connect(PORT, address);
  }

  function forget(node: string): void {
    lines.get(node)?.socket.close();
    lines.delete(node);
    answered.delete(node);
  }

  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    clearTimeout(greetTimer);
    for (const node of lines.keys()) forget(node);
  });
  if (!signal.aborted) {
    round();
    greet();
  }
  return {
    suspicions: () => suspicionsIn(peers),
    answering: () =>
      new Map([...peers].filter(([, { answers }]) => answers).map(([node, { suspicion }]) => [node, suspicion === undefined])),
    check() {
      if (signal.aborted) return;
      plan();
      if (greetTimer === undefined) greet();
    },
  };
}
