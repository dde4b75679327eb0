import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { SKEW_SECONDS_MAX } from '../../../core/node/http-signature.ts';
import type { Clock } from '../../../core/ports/clock.ts';

const SKEW_MS = SKEW_SECONDS_MAX * 1000;
/** Of one host while its signatures hold, ten minutes: agents open one when they have something to ask, and seldom when that fails. */
const OF_A_HOST_MAX = 100;
/** Of all. */
const NONCES_MAX = 100_000;
/** Agents' have 16 characters. */
const NONCE_LENGTH_MAX = 64;

/**
 * The requests that opened a kept connection: each is good for one only. A request captured on its way would otherwise open another, on which
 * its finder could ask what it likes. They are remembered for as long as their signatures hold; those from before this process began,
 * which it can't know, are refused.
 */
export class Openings {
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** Until when each matters. The oldest first. */
  readonly #seen = new Map<string, { readonly until: number; readonly keyId: string }>();
  /** How many of them are of each host's key. */
  readonly #counts = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Throws the catalogue's error if the request was seen before, or can't be told from one that was. */
  admit(keyId: string, nonce: string | undefined, signedAt: number): void {
    const now = this.#clock.now();
    this.#forget(now);
    if (nonce === undefined || nonce.length > NONCE_LENGTH_MAX) {
      throw new TerraneError(
        'signature_invalid',
        `The signature of such a connection needs a nonce, of at most ${NONCE_LENGTH_MAX} characters.`,
      );
    }
    // Signatures say whole seconds.
    if (signedAt + 1_000 <= this.#startedAt)
      throw new TerraneError('clock_skew', 'The request was signed before this server began.');
    const id = `${keyId} ${nonce}`;
    if (this.#seen.has(id))
      throw new TerraneError('signature_invalid', 'This request has opened a connection already: sign a new one.');
    const count = this.#counts.get(keyId) ?? 0;
    // A host that opens one after the other must not keep the others from theirs.
    if (count >= OF_A_HOST_MAX) {
      throw new TerraneError('rate_limited', 'This host has opened too many connections: ask by signed requests.', {
        retryAfter: 60,
      });
    }
    if (this.#seen.size >= NONCES_MAX) throw new TerraneError('unavailable', undefined, { retryAfter: 10 });
    this.#seen.set(id, { until: now + 2 * SKEW_MS, keyId });
    this.#counts.set(keyId, count + 1);
  }

  #forget(now: number): void {
    for (const [id, { until, keyId }] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(id);
      const left = this.#counts.get(keyId)! - 1;
      if (left > 0) this.#counts.set(keyId, left);
      else this.#counts.delete(keyId);
    }
  }
}
