import type { Clock } from '../../core/ports/clock.ts';
import type { HostKeyEntry } from './records.ts';

/** Bounds what is remembered should a write's answer get lost and the write land later, ms. */
const KNOWN_MS = 2_000;
const KNOWN_MAX = 10_000;

/**
 * Hosts whose keys work, for a process that is the only one to write them: every one of its writes to accounts forgets them all, before it
 * is answered, so that a revocation counts at the next request. With other writers about that can't be had, and nothing is remembered.
 */
export class KnownHosts {
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly entry: HostKeyEntry; readonly readAt: number }>();
  #writes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As remembered, or as `read` finds it. */
  async get(publicKey: string, read: () => Promise<HostKeyEntry | undefined>): Promise<HostKeyEntry | undefined> {
    const known = this.#known.get(publicKey);
    const now = this.#clock.now();
    if (known && now >= known.readAt && now - known.readAt < KNOWN_MS) return known.entry;
    const writes = this.#writes;
    const entry = await read();
    this.#known.delete(publicKey);
    // What was read while something was written may be from before.
    if (entry?.status !== 'active' || writes !== this.#writes) return entry;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(publicKey, { entry, readAt: now });
    return entry;
  }

  /** Something was written, or may have been. */
  forget(): void {
    this.#writes++;
    this.#known.clear();
  }
}
