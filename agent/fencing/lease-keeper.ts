import { fencedEndSeconds, isFenced } from '../../core/node/fencing.ts';
import { type Assignment, FIRST_SETTINGS } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { confirmed, holds, type HostLease, type LeaseTimes, renewed } from './host-lease.ts';
import type { LeaseFile } from './lease-file.ts';

/** This host's lease over time: whether fenced work may run, and since when it may not. */
export interface LeaseKeeper {
  /** Is there anything to keep a lease for? */
  readonly fenced: () => boolean;
  readonly holds: () => boolean;
  /**
   * Since when fenced work may not run, in the planner's time (ms since the epoch, by the clock as it is now: it may have been set since); undefined
   * while it may.
   */
  readonly lapsedAt: () => number | undefined;
  /** Fenced work may run until then, or may not since then. Of the machine's uptime, ms. */
  readonly until: () => number;
  /** Names the lease that is held, or was: another one after it has lapsed. What was started under one may have ended with it. */
  readonly number: () => number;
  /** What fenced work has for stopping when the lease is over, seconds. */
  readonly graceSeconds: () => number;
  /** All of it has ended so long from now on at the latest if no report is answered any more, seconds: by what was last answered, not by what settings are now. */
  readonly endSeconds: () => number;
  /** A report sent at `sentAt` (uptime, ms) was answered; `times` are what it counted on. */
  renew(sentAt: number, times: LeaseTimes): void;
  /** An assignment asked for at `askedAt` (uptime, ms) is in force. */
  confirm(askedAt: number): void;
  /** It goes on as another one: what was started under it may have ended, though it had not. */
  anew(): void;
  close(): void;
}

export interface LeaseKeeperOptions {
  readonly file: LeaseFile;
  readonly bootId: string;
  readonly assignment: () => Assignment | undefined;
  readonly now: () => number;
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly log: Logger;
  /** Fenced work may run, or may not any more. */
  readonly onChange: () => void;
  /** `until` is another. */
  readonly onUntil?: () => void;
}

const TICK_MS = 1_000;

export function leaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { file, bootId, assignment, now, uptime, log, onChange, onUntil } = options;
  const settings = () => assignment()?.settings ?? FIRST_SETTINGS;
  let lease: HostLease = file.read(bootId, assignment()?.revision, uptime(), settings().fencedStopSeconds * 1000);
  /** Uptime, ms: a clock that is set amid it neither shortens nor lengthens what fenced work has for stopping. */
  let lapsed = holds(lease, uptime()) ? undefined : endOfLease();

  /** Not when that was noticed: an agent that was away, or a machine that slept, has no more time for that. */
  function endOfLease(): number {
    return Number.isFinite(lease.until) ? Math.min(lease.until, uptime()) : uptime();
  }

  function graceSeconds(): number {
    return Math.min(settings().fencedGraceSeconds, lease.graceSeconds ?? Number.POSITIVE_INFINITY);
  }

  function endSeconds(): number {
    if (!Number.isFinite(lease.until)) return 0;
    const fencedStopSeconds = Math.ceil((lease.until - uptime()) / 1000);
    const fencedGraceSeconds = lease.graceSeconds ?? settings().fencedGraceSeconds;
    return Math.max(0, fencedEndSeconds({ fencedStopSeconds, fencedGraceSeconds }));
  }

  function fenced(): boolean {
    const { pods, units } = assignment() ?? {};
    return (pods?.some((pod) => isFenced(pod)) || units?.some((unit) => unit.fenced)) ?? false;
  }

  function look(): void {
    const held = holds(lease, uptime());
    if (held === (lapsed === undefined)) return;
    lapsed = held ? undefined : endOfLease();
    if (fenced()) {
      if (held) log.info('the host lease is held: fenced pods and units may run');
      else log.warn('the host lease has run out: fenced pods and units are stopped until the control plane answers', {});
    }
    // Also if nothing is assigned any more: what was may still be stopping.
    onChange();
    onUntil?.();
  }

  // A timer for the very moment would be late after the machine slept.
  const timer = setInterval(look, TICK_MS);
  timer.unref();

  function take(next: HostLease): void {
    // The one before may have ended unseen.
    look();
    lease = next;
    const revision = assignment()?.revision;
    if (fenced() && revision !== undefined) file.write({ ...lease, bootId, revision });
    look();
    onUntil?.();
  }

  return {
    fenced,
    holds: () => holds(lease, uptime()),
    lapsedAt() {
      look();
      return lapsed === undefined ? undefined : now() - Math.max(0, uptime() - lapsed);
    },
    until() {
      look();
      return lapsed ?? lease.until;
    },
    number: () => lease.since,
    graceSeconds,
    endSeconds,
    renew: (sentAt, times) => take(renewed(lease, sentAt, uptime(), times)),
    confirm: (askedAt) => take(confirmed(lease, askedAt, uptime())),
    anew() {
      if (!holds(lease, uptime())) return;
      take({ ...lease, since: uptime() });
      onChange();
    },
    close: () => clearInterval(timer),
  };
}
