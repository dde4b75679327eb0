import { createHash } from 'node:crypto';

/** Names and versions made from content: the same content gives the same text, on every machine and at every time. */

/** JSON with sorted keys and without undefined fields, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** No vowels and no look-alikes, as Kubernetes' random suffixes: no accidental words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** `length` (at most 20) characters that are safe in names and depend on `text` alone. */
export function suffix(text: string, length: number): string {
  const bytes = createHash('sha256').update(text).digest();
  let result = '';
  for (let index = 0; index < length; index++) result += ALPHABET[bytes[index]! % ALPHABET.length];
  return result;
}

/** Equal for values with equal JSON. */
export function contentDigest(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}
