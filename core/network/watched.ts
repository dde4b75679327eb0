import { createHash } from 'node:crypto';

/** Hosts that answer which each host watches; so each is watched by as many. */
const WATCHED = 3;
/** With those that don't answer: who is cut off itself doesn't call the whole cluster dead. */
const WATCHED_MAX = 20;

/**
 * The hosts that `self` watches: those after it on a ring of all that take part in the network, by a hash of their names, so that those of one rack or
 * one site seldom watch only each other. Who is suspected is watched on, and others beyond. Host and control plane come to the same.
 */
export function watchedBy(self: string, others: Iterable<string>, suspected: ReadonlySet<string>): string[] {
  return watchedOn(ringOf([self, ...others]), self, suspected);
}

/** The hosts on their ring. For whoever looks at many of them: it is the costly part. */
export function ringOf(names: Iterable<string>): readonly string[] {
  const ring = [...new Set(names)].map((name) => ({ name, at: place(name) }));
  ring.sort((a, b) => (a.at === b.at ? (a.name < b.name ? -1 : 1) : a.at < b.at ? -1 : 1));
  return ring.map(({ name }) => name);
}

/** Whom `self` watches on the ring that it is on. */
export function watchedOn(ring: readonly string[], self: string, suspected: ReadonlySet<string>): string[] {
  const start = ring.indexOf(self);
  const watched: string[] = [];
  let answering = 0;
  for (let step = 1; step < ring.length && answering < WATCHED && watched.length < WATCHED_MAX; step++) {
    const name = ring[(start + step) % ring.length]!;
    watched.push(name);
    if (!suspected.has(name)) answering++;
  }
  return watched;
}

const places = new Map<string, string>();
const PLACES_MAX = 10_000;

function place(name: string): string {
  let found = places.get(name);
  if (found === undefined) {
    if (places.size >= PLACES_MAX) places.clear();
    places.set(name, (found = createHash('sha256').update(name).digest('hex')));
  }
  return found;
}
