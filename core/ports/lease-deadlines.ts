/** Until when a lease lives unless it is kept alive. */
export interface LeaseDeadline {
  readonly id: bigint;
  /** ms since the epoch. */
  readonly at: number;
  /** It has been given up: nothing keeps it alive any more, and its revocation is in the log or will be. */
  readonly revoking: boolean;
}

/**
 * Deadlines of one keyspace's leases, outside of its log: they change often and need no order. That a lease exists is only
 * said by the log. What is lost here is made good by a new, later deadline.
 */
export interface LeaseDeadlines {
  list(): Promise<LeaseDeadline[]>;
  get(id: bigint): Promise<LeaseDeadline | undefined>;
  /** The lease begins to live, whatever was known of its id. */
  start(id: bigint, at: number): Promise<void>;
  /** Moves the deadline forward, never back. False: the lease is being revoked. */
  renew(id: bigint, at: number): Promise<boolean>;
  /** Gives the lease up, if its deadline is still `at`. True: it is given up, whoever did it. */
  giveUp(id: bigint, at: number): Promise<boolean>;
  forget(id: bigint): Promise<void>;
}
