/** A host that doesn't answer this one any more, though it did: as it is reported. */
export interface Suspicion {
  readonly node: string;
  /** ms since the epoch, the control plane's as far as the host knows it. */
  readonly since: number;
  /** Counts up while it goes on, for a while: what is said again wakes whoever has to act on it. */
  readonly told: number;
}

export interface WatchedPeer {
  /** It has answered: what never did may be kept from it by a firewall, and says nothing. */
  readonly answers: boolean;
  /** Probes in a row that it didn't answer. */
  readonly missed: number;
  readonly suspicion?: Suspicion;
}

/** In a round each peer is probed once. */
export const ROUNDS_TO_NOTICE = 4;
/** So many probes in a row are more than bad luck: asked in the round after the third. */
const MISSED_MAX = ROUNDS_TO_NOTICE - 1;
/** A suspicion is said again every second round, at most so often. */
const TOLD_EVERY = 2;
const TOLD_MAX = 12;

/** What is known of the peers in `names` after a round in which those in `answered` did so. `at`: ms since the epoch, the control plane's. */
export function afterRound(
  before: ReadonlyMap<string, WatchedPeer>,
  names: Iterable<string>,
  answered: ReadonlySet<string>,
  at: number,
): Map<string, WatchedPeer> {
  const after = new Map<string, WatchedPeer>();
  for (const node of names) {
    const { answers, missed, suspicion } = before.get(node) ?? { answers: false, missed: 0 };
    if (answered.has(node)) after.set(node, { answers: true, missed: 0 });
    else if (!answers) after.set(node, { answers, missed: 0 });
    else {
      const more = missed + 1;
      const told = Math.min(Math.floor((more - MISSED_MAX) / TOLD_EVERY), TOLD_MAX);
      const next = more < MISSED_MAX ? {} : { suspicion: { node, since: suspicion?.since ?? at, told } };
      after.set(node, { answers, missed: more, ...next });
    }
  }
  return after;
}

export function suspicionsIn(peers: ReadonlyMap<string, WatchedPeer>): Suspicion[] {
  return [...peers.values()].flatMap(({ suspicion }) => suspicion ?? []).sort((a, b) => (a.node < b.node ? -1 : 1));
}
