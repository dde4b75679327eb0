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
}

export const NO_LEASE: HostLease = {
  until: Number.NEGATIVE_INFINITY,
  since: Number.NEGATIVE_INFINITY,
  confirmed: false,
};

/**
 * A report was answered, and the answer renews the lease: from when the report was *sent*, which is before the control plane's own
 * count begins. One that had lapsed is a new one.
 */
export function renewed(lease: HostLease, sentAt: number, now: number, stopMs: number): HostLease {
  const until = sentAt + stopMs;
  if (now < lease.until) return { ...lease, until };
  return { until, since: now, confirmed: false };
}

/** The control plane said what is assigned, when asked at `askedAt`. */
export function confirmed(lease: HostLease, askedAt: number, now: number): HostLease {
  return now < lease.until && askedAt >= lease.since ? { ...lease, confirmed: true } : lease;
}

/** May fenced work run now? */
export function holds(lease: HostLease, now: number): boolean {
  return lease.confirmed && now < lease.until;
}
