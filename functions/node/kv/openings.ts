import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { SKEW_SECONDS_MAX } from '../../../core/node/http-signature.ts';
import type { Clock } from '../../../core/ports/clock.ts';

const SKEW_MS = SKEW_SECONDS_MAX * 1000;
/** Hosts open one now and then. */
const NONCES_MAX = 100_000;

/**
 * The requests that opened a kept connection: each is good for one only. A request captured on its way would otherwise open another, on which
 * its finder could ask what it likes. They are remembered for as long as their signatures hold; those from before this process began,
 * which it can't know, are refused.
 */
export class Openings {
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** Until when each matters. The oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Throws the catalogue's error if the request was seen before, or can't be told from one that was. */
  admit(keyId: string, nonce: string | undefined, signedAt: number): void {
    const now = this.#clock.now();
    for (const [id, until] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(id);
    }
    if (nonce === undefined) throw new TerraneError('signature_invalid', 'The signature of such a connection needs a nonce.');
    // Signatures say whole seconds.
    if (signedAt + 1_000 <= this.#startedAt)
      throw new TerraneError('clock_skew', 'The request was signed before this server began.');
    const id = `${keyId} ${nonce}`;
    if (this.#seen.has(id))
      throw new TerraneError('signature_invalid', 'This request has opened a connection already: sign a new one.');
    if (this.#seen.size >= NONCES_MAX) throw new TerraneError('unavailable', undefined, { retryAfter: 10 });
    this.#seen.set(id, now + 2 * SKEW_MS);
  }
}
