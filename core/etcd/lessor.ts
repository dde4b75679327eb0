import type { Lease } from '../keyspace/leases.ts';
import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Timing } from '../keyspace/timing.ts';
import type { LeaseDeadline, LeaseDeadlines } from '../ports/lease-deadlines.ts';
import type { Schedule } from '../ports/schedule.ts';

export interface LessorOptions {
  readonly keyspace: OpenKeyspace;
  readonly deadlines: LeaseDeadlines;
  readonly timing: Timing;
  readonly schedule: Schedule;
  /**
   * Only this process keeps the time of these leases (the embedded server). Then its steady clock counts, which a change of the
   * machine's date doesn't move; and as nobody kept leases alive while it was away, each gets its whole TTL anew when it starts. Else
   * many processes do, whose clocks agree within `SLACK_MS`.
   */
  readonly soleKeeper: boolean;
  /** Sees to it that somebody calls `expire` then, ms since the epoch, also if this process ends: for who keeps time only now and then. */
  readonly wakeAt?: ((at: number) => Promise<void>) | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** By how much clocks of different processes may disagree: a lease lives that much longer rather than end early. */
const SLACK_MS = 5_000;
/** A keep-alive is written ahead by this part of the TTL, so that the next ones within that time need not be written. */
const AHEAD = 1 / 3;
/** While time is kept: how often to look whether others granted leases. Costs nothing if they didn't. */
const LOOK_MS = 10_000;
const RETRY_MS = 5_000;
const REVOKES_AT_ONCE = 100;

/**
 * Keeps the time of a keyspace's leases: late, if need be, but never early. Deadlines are items outside the log; a lease ends by an
 * entry in the log, after its item was marked so that no keep-alive can be acknowledged any more.
 */
export class Lessor {
  readonly #options: LessorOptions;
  readonly #startedAt: number;
  readonly #startedElapsed: number;
  /** Deadlines as last seen or written: the real ones are the same or later, as long as it is still the same lease. */
  readonly #known = new Map<bigint, { readonly lease: Lease; readonly at: number }>();
  /** Being given up by us at this moment. */
  readonly #ending = new Set<bigint>();
  #keepers = 0;
  #cancelTimer: () => void = () => {};
  #timerAt = Number.POSITIVE_INFINITY;
  #ticking = false;
  #stopped = false;

  constructor(options: LessorOptions) {
    this.#options = options;
    this.#startedAt = Math.floor(options.timing.now());
    this.#startedElapsed = options.timing.elapsed();
    if (options.soleKeeper && options.keyspace.leases().length > 0) this.#wakeBy(this.#now());
  }

  /** The lease was granted in the log. */
  async granted(id: bigint, ttlSeconds: number): Promise<void> {
    const at = this.#now() + ttlSeconds * 1000;
    await this.#options.deadlines.start(id, at);
    this.#learn(this.#options.keyspace.lease(id), at);
    this.#wakeBy(at + this.#slackMs + 1);
    await this.#options.wakeAt?.(at + this.#slackMs + 1);
  }

  /** The lease was revoked in the log. */
  async revoked(id: bigint): Promise<void> {
    this.#known.delete(id);
    await this.#options.deadlines.forget(id);
  }

  /** Seconds that the lease will live at least from now on; 0: it is gone, or as good as gone. */
  async keepAlive(id: bigint): Promise<number> {
    const { keyspace, deadlines } = this.#options;
    await keyspace.sync();
    const lease = keyspace.lease(id);
    if (!lease || this.#ending.has(id)) return 0;
    const now = this.#now();
    const ttlMs = lease.ttlSeconds * 1000;
    // Nobody gives a lease up before its deadline.
    if ((this.#knownOf(lease) ?? 0) >= now + ttlMs) return lease.ttlSeconds;
    const at = now + Math.ceil(ttlMs * (1 + AHEAD));
    if (!(await deadlines.renew(id, at))) return 0;
    // Another process may have revoked it meanwhile and forgotten its deadline: ours was no renewal then.
    if (!this.#options.soleKeeper) await keyspace.sync();
    if (this.#ending.has(id) || keyspace.lease(id) !== lease) return 0;
    this.#learn(lease, at);
    return lease.ttlSeconds;
  }

  /** Whole seconds left, at most the TTL. */
  async remainingSeconds(lease: Lease): Promise<number> {
    const item = await this.#options.deadlines.get(lease.id);
    const left = this.#deadlineOf(lease, item) - this.#now();
    return Math.floor(Math.min(Math.max(left / 1000, 0), lease.ttlSeconds));
  }

  /**
   * Ends the leases whose time is over. Returns when to look again, ms since the epoch; undefined: there are no leases. Harmless at any
   * time, and in any number at once.
   */
  async expire(): Promise<number | undefined> {
    const { keyspace, deadlines } = this.#options;
    if (this.#stopped) return undefined;
    await keyspace.sync();
    if (keyspace.leases().length === 0) return undefined;
    const items = new Map((await deadlines.list()).map((item) => [item.id, item]));
    // After the list: so every item whose lease isn't in the log belongs to one that was revoked.
    await keyspace.sync();
    const now = this.#now();
    const over: [Lease, LeaseDeadline][] = [];
    let next: number | undefined;
    for (const lease of keyspace.leases()) {
      const item = items.get(lease.id);
      const at = this.#deadlineOf(lease, item);
      if (item && (item.revoking || at + this.#slackMs < now)) {
        over.push([lease, item]);
        continue;
      }
      if (!item) await deadlines.renew(lease.id, at);
      this.#learn(lease, at);
      next = Math.min(next ?? at, at);
    }
    for (const id of [...items.keys(), ...this.#known.keys()]) if (!keyspace.lease(id)) await this.revoked(id);
    for (let from = 0; from < over.length; from += REVOKES_AT_ONCE) {
      await Promise.all(over.slice(from, from + REVOKES_AT_ONCE).map(([lease, item]) => this.#end(lease, item)));
    }
    if (over.some(([{ id }]) => keyspace.lease(id))) next = Math.min(next ?? Number.POSITIVE_INFINITY, now + RETRY_MS);
    return next === undefined ? undefined : next + this.#slackMs + 1;
  }

  /** From now on leases end at their time, until the answer is called. A sole keeper keeps time always. */
  keepTime(): () => void {
    if (this.#keepers++ === 0) this.#wakeBy(this.#now());
    return () => {
      this.#keepers--;
      if (this.#keepsTime) return;
      this.#cancelTimer();
      this.#timerAt = Number.POSITIVE_INFINITY;
    };
  }

  /** The keyspace is deleted: nothing is written to it any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  async #end(lease: Lease, item: LeaseDeadline): Promise<void> {
    const { keyspace, deadlines } = this.#options;
    // Kept alive since the list was read. (Others' keep-alives changed the item, so that it isn't given up.)
    if (this.#stopped || (!item.revoking && this.#deadlineOf(lease, item) + this.#slackMs >= this.#now())) return;
    this.#ending.add(lease.id);
    try {
      if (!item.revoking && !(await deadlines.giveUp(item.id, item.at))) return;
      await keyspace.transact((txn) => {
        // Not a lease that was granted under the same id meanwhile.
        if (txn.lease(lease.id) === lease) txn.revoke(lease.id);
      });
      if (!keyspace.lease(lease.id)) await this.revoked(lease.id);
    } finally {
      this.#ending.delete(lease.id);
    }
  }

  #deadlineOf(lease: Lease, item: LeaseDeadline | undefined): number {
    const ttlMs = lease.ttlSeconds * 1000;
    const known = this.#knownOf(lease);
    if (this.#options.soleKeeper && known !== undefined) return known;
    if (!item) return Math.max(known ?? 0, this.#now() + ttlMs);
    if (!this.#options.soleKeeper) return item.at;
    // Written before this process started, perhaps by another clock.
    return clamp(item.at, this.#startedAt + ttlMs, this.#startedAt + Math.ceil(ttlMs * (1 + AHEAD)));
  }

  #learn(lease: Lease | undefined, at: number): void {
    if (lease) this.#known.set(lease.id, { lease, at });
  }

  #knownOf(lease: Lease): number | undefined {
    const known = this.#known.get(lease.id);
    return known?.lease === lease ? known.at : undefined;
  }

  get #slackMs(): number {
    return this.#options.soleKeeper ? 0 : SLACK_MS;
  }

  #now(): number {
    const { timing, soleKeeper } = this.#options;
    return Math.floor(soleKeeper ? this.#startedAt + timing.elapsed() - this.#startedElapsed : timing.now());
  }

  /** The only one there is keeps time always. */
  get #keepsTime(): boolean {
    return this.#keepers > 0 || this.#options.soleKeeper;
  }

  #wakeBy(at: number): void {
    if (this.#stopped || !this.#keepsTime || at >= this.#timerAt || this.#ticking) return;
    this.#cancelTimer();
    this.#timerAt = at;
    this.#cancelTimer = this.#options.schedule(Math.max(0, at - this.#now()), () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#ticking = true;
    let next: number | undefined;
    try {
      next = this.#nothingIsDue() ? undefined : await this.expire();
    } catch (error) {
      this.#options.onError?.(error);
      next = this.#now() + RETRY_MS;
    }
    this.#ticking = false;
    this.#timerAt = Number.POSITIVE_INFINITY;
    // Nobody else grants leases where there is nobody else.
    const look = this.#options.soleKeeper && next === undefined ? Number.POSITIVE_INFINITY : this.#now() + LOOK_MS;
    this.#wakeBy(Math.min(next ?? Number.POSITIVE_INFINITY, this.#nextKnown(), look));
  }

  #nextKnown(): number {
    const { keyspace } = this.#options;
    if (keyspace.failure) return Number.POSITIVE_INFINITY;
    const ahead = keyspace.leases().map((lease) => (this.#knownOf(lease) ?? 0) + this.#slackMs + 1);
    return ahead.filter((at) => at > this.#now()).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  #nothingIsDue(): boolean {
    const { keyspace } = this.#options;
    if (keyspace.failure) return true;
    const now = this.#now();
    return keyspace.leases().every((lease) => (this.#knownOf(lease) ?? 0) + this.#slackMs >= now);
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
