/** What an instance said of itself with its last check: frequent and without order, so it isn't in the log. */
export interface SeenInstance {
  readonly application: string;
  readonly instance: string;
  /** uid of its UpdateGroup. */
  readonly group: string;
  /** When it was seen, ms since the epoch. */
  readonly at: number;
  readonly version: string;
  readonly arch: string;
  readonly alias: string;
  readonly oem: string;
  readonly ip: string;
}

export interface UpdateInstances {
  /** Overwrites what was kept of the instance; forgotten by itself `ttl` ms after `at`. */
  put(tenant: string, cluster: string, seen: SeenInstance, ttl: number): Promise<void>;
  /** All that are not over, in no order. */
  list(tenant: string, cluster: string): Promise<SeenInstance[]>;
  delete(tenant: string, cluster: string, application: string, instance: string): Promise<void>;
}
