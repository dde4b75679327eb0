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
  /** How often it was suspected and then did answer: on a bad path, that is no news. */
  readonly falseAlarms: number;
  /** Rounds in a row in which it answered. */
  readonly calm: number;
}

const UNKNOWN: WatchedPeer = { answers: false, missed: 0, falseAlarms: 0, calm: 0 };

/** In a round each peer is probed once. */
export const ROUNDS_TO_NOTICE = 4;
/** So many probes in a row are more than bad luck: asked in the round after the third. */
const MISSED_MAX = ROUNDS_TO_NOTICE - 1;
/** After more false alarms than this, each doubles that: word of every hiccup would cost reports. Half an hour without one and all is forgotten. */
const FALSE_ALARMS_FREE = 2;
const MISSED_LIMIT = 48;
const CALM_ROUNDS = 360;
/** A suspicion is said again every second round, at most so often. */
const TOLD_EVERY = 2;
export const TOLD_MAX = 12;

/** What is known of the peers in `names` after a round in which those in `answered` did so. `at`: ms since the epoch, the control plane's. */
export function afterRound(
  before: ReadonlyMap<string, WatchedPeer>,
  names: Iterable<string>,
  answered: ReadonlySet<string>,
  at: number,
): Map<string, WatchedPeer> {
  const after = new Map<string, WatchedPeer>();
  for (const node of names) {
    after.set(node, afterProbe(before.get(node) ?? UNKNOWN, node, answered.has(node), at));
  }
  return after;
}

function afterProbe(
  { answers, missed, suspicion, falseAlarms, calm }: WatchedPeer,
  node: string,
  answered: boolean,
  at: number,
): WatchedPeer {
  if (answered) {
    const alarms = calm >= CALM_ROUNDS ? 0 : falseAlarms + (suspicion ? 1 : 0);
    return { answers: true, missed: 0, falseAlarms: alarms, calm: calm + 1 };
  }
  if (!answers) return UNKNOWN;
  const next = { answers, missed: missed + 1, falseAlarms, calm: 0 };
  const limit = Math.min(MISSED_MAX * 2 ** Math.max(0, falseAlarms - FALSE_ALARMS_FREE), MISSED_LIMIT);
  if (next.missed < limit) return next;
  const told = Math.min(Math.floor((next.missed - limit) / TOLD_EVERY), TOLD_MAX);
  return { ...next, suspicion: { node, since: suspicion?.since ?? at, told } };
}

export function suspicionsIn(peers: ReadonlyMap<string, WatchedPeer>): Suspicion[] {
  return [...peers.values()].flatMap(({ suspicion }) => suspicion ?? []).sort((a, b) => (a.node < b.node ? -1 : 1));
}
