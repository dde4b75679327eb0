/** As Kubernetes: no vowels and no look-alikes, so that a suffix spells nothing. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_BASE = 63 - SUFFIX_LENGTH;

/** `base` and five characters that follow from `seed`: the same seed gives the same name. */
export function generateName(base: string, seed: string): string {
  let hash = fnv1a(seed);
  let suffix = '';
  for (let index = 0; index < SUFFIX_LENGTH; index++) {
    suffix += ALPHABET[hash % ALPHABET.length];
    hash = Math.floor(hash / ALPHABET.length);
  }
  return base.slice(0, MAX_BASE) + suffix;
}

/** 32-bit FNV-1a, finished with a mix so that seeds that differ in the last character differ everywhere. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
