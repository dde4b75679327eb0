const STRIKES_MAX = 2;
/** Without a call, gRPC's clients have no reason to ping. */
const IDLE_INTERVAL = 2 * 3600_000;

/** gRPC's keep-alive enforcement (gRFC A8): who pings too often is told to go, unless data went in between. */
export class PingPolicy {
  readonly #interval: number;
  #last: number | undefined;
  #strikes = 0;

  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Something was sent: measuring the bandwidth needs pings, which are fine. */
  sent(): void {
    this.#strikes = 0;
    this.#last = undefined;
  }

  /** False: too many. */
  ping(now: number, streams: number): boolean {
    const interval = streams > 0 ? this.#interval : IDLE_INTERVAL;
    if (this.#last !== undefined && now - this.#last < interval) this.#strikes++;
    this.#last = now;
    return this.#strikes <= STRIKES_MAX;
  }
}
