import { participantNames } from '../../network/assigned-to.ts';
import { ringOf, watchedOn } from '../../network/watched.ts';
import { type Heartbeat, promisedMs } from '../../node/heartbeat.ts';
import { ASKED_AGAIN_ANNOTATION, askedAt, nodeTimeout } from '../../node/node-timeout.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { ClusterSettings } from '../settings.ts';
import type { ClusterState } from '../types.ts';

/** Who suspects that a host is gone, by name, and since when at the latest, ms since the epoch. */
export interface Suspected {
  readonly by: readonly string[];
  readonly since: number;
}

/** By node. A host's word counts for those that it is to watch, and as long as it is heard of itself. */
export function suspectedNodes(state: ClusterState): ReadonlyMap<string, Suspected> {
  const found = new Map<string, { by: string[]; since: number }>();
  const watchers = [...state.heartbeats].filter(([, { suspects = [] }]) => suspects.length > 0);
  if (watchers.length === 0) return found;
  const ring = ringOf(participantNames(state));
  const known = new Set(ring);
  for (const [watcher, { suspects = [] }] of watchers) {
    if (!known.has(watcher)) continue;
    const watched = new Set(watchedOn(ring, watcher, new Set(suspects.map(({ node }) => node))));
    for (const { node, since } of suspects) {
      if (!watched.has(node)) continue;
      const suspected = found.get(node) ?? { by: [], since };
      found.set(node, { by: [...suspected.by, watcher].sort(), since: Math.max(suspected.since, since) });
    }
  }
  return found;
}

/** The control plane's clocks differ by so much, ms. */
const CLOCKS_MS = 2_000;

/**
 * When the host was asked for a report, ms since the epoch; undefined if it never was, or if that can't be told from when it was heard: from before the control plane
 * listened, or by a clock that was set back since. Its peers say again whom they miss.
 */
export function askedSince(
  node: Node,
  { listeningSince }: Pick<ClusterState, 'listeningSince'>,
  now: number,
): number | undefined {
  const asked = askedAt(node);
  return asked === undefined || asked < listeningSince || asked > now + CLOCKS_MS ? undefined : asked;
}

/**
 * From when on a host is to be asked for a report, ms since the epoch; undefined: it isn't. If it needn't have reported by now, can be asked and knows
 * what that is, and hasn't been heard of since others lost it. Not again as soon as others say so again: a word of one host must not keep another busy.
 */
export function firstAskAt(
  asked: number | undefined,
  heard: Heartbeat,
  { since }: Suspected,
  settings: ClusterSettings,
): number | undefined {
  if (heard.suspects === undefined || promisedMs(heard, settings) === 0 || since <= heard.at) return undefined;
  // Without a push connection it is not told, and its time is running: it may just be booting.
  if (heard.lostAt !== undefined && heard.lostAt >= heard.at) return undefined;
  if (asked === undefined) return since;
  return asked <= heard.at ? asked + settings.renewSeconds * 1000 : undefined;
}

/** When a host that was asked and hasn't answered is to be asked once more, ms since the epoch; undefined: it isn't. */
export function askAgainAt(
  node: Node,
  asked: number | undefined,
  heard: Heartbeat,
  settings: ClusterSettings,
): number | undefined {
  if (asked === undefined || asked <= heard.at || node.metadata.annotations?.[ASKED_AGAIN_ANNOTATION] !== undefined)
    return undefined;
  return asked + nodeTimeout(settings).answerMs / 2;
}
