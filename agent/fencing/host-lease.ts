/**
 * This host's lease, as pure steps. Times are ms of the machine's uptime: a clock that nobody sets, that goes on while the
 * machine sleeps, and that begins anew when it boots.
 */
export interface HostLease {
  /** Fenced work may run until then. */
  readonly until: number;
  /** When the control plane first granted it after it had lapsed. */
  readonly since: number;
  /** The assignment was asked for since then, and so holds nothing that went elsewhere meanwhile. */
  readonly confirmed: boolean;
  /**
   * What fenced work has for stopping at most when it is over, seconds: the control plane knows of no more, whatever the settings have become here since
   * the report. Undefined: no report was answered yet, or an agent from before this was said saved it.
   */
  readonly graceSeconds?: number;
}

export const NO_LEASE: HostLease = {
  until: Number.NEGATIVE_INFINITY,
  since: Number.NEGATIVE_INFINITY,
  confirmed: false,
};

/** What a report counted on, seconds. */
export interface LeaseTimes {
  /** Fenced work begins to stop so long after it was sent. */
  readonly stopSeconds: number;
  /** What it then has for that. */
  readonly graceSeconds: number;
}

/**
 * A report was answered, and the answer renews the lease: from when the report was *sent*, which is before the control plane's own
 * count begins. One that had lapsed is a new one.
 */
export function renewed(lease: HostLease, sentAt: number, now: number, { stopSeconds, graceSeconds }: LeaseTimes): HostLease {
  const until = sentAt + stopSeconds * 1000;
  if (now < lease.until) return { ...lease, until, graceSeconds };
  return { until, since: now, confirmed: false, graceSeconds };
}

/** The control plane said what is assigned, when asked at `askedAt`. */
export function confirmed(lease: HostLease, askedAt: number, now: number): HostLease {
  return now < lease.until && askedAt >= lease.since ? { ...lease, confirmed: true } : lease;
}

/** May fenced work run now? */
export function holds(lease: HostLease, now: number): boolean {
  return lease.confirmed && now < lease.until;
}
