import type { Http2Limits } from './limits.ts';

/** What a connection has waited for too long for, or should do about its silence. */
type Impatience = 'no settings' | 'half a frame' | 'no answer' | 'ask';

/** How long a client may leave us waiting. Times are of one clock that only goes forward, ms. */
export class Patience {
  readonly #limits: Http2Limits;
  readonly #begunAt: number;
  #settingsSeen = false;
  #heardAt: number;
  #incompleteSince: number | undefined;
  #askedAt: number | undefined;

  constructor(limits: Http2Limits, now: number) {
    this.#limits = limits;
    this.#begunAt = now;
    this.#heardAt = now;
  }

  /** Something came. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#askedAt = undefined;
  }

  /** All of it was read; `incomplete`: it ended within a frame or a header block. */
  read(incomplete: boolean): void {
    this.#incompleteSince = incomplete ? (this.#incompleteSince ?? this.#heardAt) : undefined;
  }

  settingsCame(): void {
    this.#settingsSeen = true;
  }

  /** To be asked every few seconds. After `ask`, an answer is waited for. */
  check(now: number): Impatience | undefined {
    const { handshakeTimeout, frameTimeout, keepaliveInterval, keepaliveTimeout } = this.#limits;
    if (!this.#settingsSeen && now - this.#begunAt > handshakeTimeout) return 'no settings';
    if (this.#incompleteSince !== undefined && now - this.#incompleteSince > frameTimeout) return 'half a frame';
    if (this.#askedAt !== undefined) return now - this.#askedAt > keepaliveTimeout ? 'no answer' : undefined;
    if (now - this.#heardAt <= keepaliveInterval) return undefined;
    this.#askedAt = now;
    return 'ask';
  }
}
