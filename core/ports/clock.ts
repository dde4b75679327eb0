/** Time as an argument: production passes the machine's clock, tests one they move by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}
