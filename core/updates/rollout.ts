import type { Rollout, Wave } from './model.ts';

/** Who asks, as far as a rollout cares. */
export interface Candidate {
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Whether it is an instance's turn. Its place in line is a hash of its id and the version: the same at every check, another one for
 * the next version, and nothing has to be stored (as Fedora CoreOS' rollout wariness,
 * https://coreos.github.io/zincati/usage/auto-updates/#phased-rollouts-client-wariness-canaries).
 */
export function isItsTurn(rollout: Rollout, candidate: Candidate, version: string, now: number): boolean {
  if (rollout.type === 'waves') return now >= startOfWave(rollout.start, rollout.waves, candidate.labels);
  const open = openFraction(rollout, now);
  return open >= 1 || place(candidate.instance, version) < open;
}

/** How much of a group has its turn, 0..1. Waves are by label: all of one or none. */
export function openFraction(rollout: Exclude<Rollout, { type: 'waves' }>, now: number): number {
  switch (rollout.type) {
    case 'all':
      return 1;
    case 'percentage':
      return rollout.percent / 100;
    case 'linear': {
      const { start, duration, frame } = rollout;
      if (now < start) return 0;
      if (now - start >= duration) return 1;
      // The first frame's share has its turn at once.
      const frames = Math.ceil(duration / frame);
      return (Math.floor((now - start) / frame) + 1) / frames;
    }
  }
}

/** 0 <= place < 1, evenly spread. FNV-1a with a finaliser (murmur3's): near-equal ids end up far from each other. */
export function place(instance: string, version: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${instance}\n${version}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function startOfWave(start: number, waves: readonly Wave[], labels: Readonly<Record<string, string>>): number {
  let begins = start;
  for (const wave of waves) {
    begins += wave.after;
    if (Object.entries(wave.labels).every(([name, value]) => labels[name] === value)) return begins;
  }
  return begins;
}
