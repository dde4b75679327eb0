import type { AssignedNetwork } from '../assigned-network.ts';
import type { WireguardDump } from './dump.ts';

/** A change of one peer, as arguments of `wg set DEVICE`. */
export type PeerChange = readonly string[];

/** What is remembered of the search for a peer, by public key. */
export interface Search {
  /** Since when it is known, ms since the epoch. */
  readonly since: number;
  /** Index of the endpoint that is tried, and since when. */
  readonly trying: number;
  readonly triedAt: number;
  /** Where the host itself said that it is. */
  readonly declared: string | undefined;
}

export interface PeersPlan {
  readonly changes: readonly PeerChange[];
  readonly searches: ReadonlyMap<string, Search>;
  /** Hosts whose packets come from elsewhere than they say. */
  readonly observed: readonly { readonly node: string; readonly endpoint: string }[];
  /** Hosts that were tried in vain. */
  readonly unreached: readonly string[];
  /** Some path may open any moment. */
  readonly seeking: boolean;
}

/** A session lives 180 s, and is renewed after 120 while packets pass (wireguard.com/protocol); keep-alives pass. */
const FRESH_MS = 185_000;
/** An endpoint is tried for so long before the next: WireGuard sends a first packet again after 5 s. */
const TRY_MS = 6_000;
/** A host that was sought for so long is told of as unreached: then others may pass packets on. */
const UNREACHED_MS = 12_000;
/** So long after the search has begun, it is looked at more often. */
const SEEKING_MS = 120_000;

/**
 * What the WireGuard device should be told so that each peer is reached: directly once there has been a handshake, by a relay while there
 * is none and the control plane names one, and meanwhile one endpoint after the other is tried. A subnet belongs to one peer only: that
 * of a host that is relayed, to the relay.
 */
export function planPeers(
  { peers, subnet, backend }: AssignedNetwork,
  dump: WireguardDump,
  before: ReadonlyMap<string, Search>,
  self: { readonly address: string; readonly now: number },
): PeersPlan {
  const { now } = self;
  const known = peers.flatMap(({ wireguard, ...peer }) =>
    wireguard && isKey(wireguard.publicKey) ? [{ ...peer, ...wireguard }] : [],
  );
  const byNode = new Map(known.map((peer) => [peer.node, peer]));
  const isFresh = (publicKey: string) => now - (dump.peers.get(publicKey)?.handshakeAt ?? 0) < FRESH_MS;

  const carried = new Map(known.map((peer) => [peer.publicKey, [] as string[]]));
  for (const peer of known) {
    const relay = !isFresh(peer.publicKey) && peer.relay !== undefined ? byNode.get(peer.relay) : undefined;
    const carrier = relay && isFresh(relay.publicKey) ? relay : peer;
    carried.get(carrier.publicKey)!.push(peer.subnet);
  }

  const changes: PeerChange[] = [];
  const searches = new Map<string, Search>();
  const observed: { node: string; endpoint: string }[] = [];
  const unreached: string[] = [];
  let seeking = false;

  for (const publicKey of dump.peers.keys()) if (!carried.has(publicKey)) changes.push(['peer', publicKey, 'remove']);
  for (const peer of known) {
    const { publicKey, node } = peer;
    const [declared] = peer.endpoints;
    const earlier = before.get(publicKey)?.declared;
    // It listens elsewhere now, and may know of no session: what is sent where it was goes nowhere, although the session isn't old.
    const moved = earlier !== undefined && declared !== earlier && dump.peers.get(publicKey)?.endpoint === earlier;
    if (moved) changes.push(['peer', publicKey, 'remove']);
    const held = moved ? undefined : dump.peers.get(publicKey);
    // Another host behind another router may have this host's own address.
    const endpoints = peer.endpoints.filter((one) => isEndpoint(one) && !one.startsWith(`${self.address}:`));
    const fresh = !moved && isFresh(publicKey);
    const search = (moved ? undefined : before.get(publicKey)) ?? { since: now, trying: 0, triedAt: now };
    let { trying, triedAt } = search;
    if (fresh) triedAt = now;
    else if (endpoints.length > 1 && now - triedAt >= TRY_MS) {
      trying = (trying + 1) % endpoints.length;
      triedAt = now;
    }
    searches.set(publicKey, { since: fresh ? now : search.since, trying, triedAt, declared });
    if (fresh) {
      if (held?.endpoint && held.endpoint !== peer.endpoints[0]) observed.push({ node, endpoint: held.endpoint });
    } else {
      if (now - search.since >= UNREACHED_MS) unreached.push(node);
      if (now - search.since < SEEKING_MS) seeking = true;
    }

    const wanted = endpoints[trying % Math.max(1, endpoints.length)];
    const set: string[] = [];
    const sought =
      held?.endpoint !== undefined && endpoints.includes(held.endpoint) && trying === search.trying && before.has(publicKey);
    if (!fresh && !sought && wanted !== undefined && held?.endpoint !== wanted) set.push('endpoint', wanted);
    const allowed = carried.get(publicKey)!.toSorted();
    if (!held || allowed.join() !== held.allowedIps.toSorted().join()) set.push('allowed-ips', allowed.join(','));
    if ((held?.keepaliveSeconds ?? 0) !== backend.keepaliveSeconds)
      set.push('persistent-keepalive', backend.keepaliveSeconds === 0 ? 'off' : String(backend.keepaliveSeconds));
    if (set.length > 0 || !held) changes.push(['peer', publicKey, ...set]);
  }
  return { changes, searches, observed, unreached: unreached.toSorted(), seeking: seeking && subnet !== undefined };
}

const isKey = (text: string): boolean => /^[A-Za-z0-9+/]{43}=$/.test(text);
const isEndpoint = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$/.test(text);
