import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Are two secrets (or their hashes) the same? Takes as long for a wrong one whatever is right about it; over their digests, so that not even
 * its length is told. Secrets are compared with this and nothing else: test/unit/timing-safe.test.ts looks.
 */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
