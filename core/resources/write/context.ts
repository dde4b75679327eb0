/** What a write needs from outside. */
export interface WriteContext {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** A new, unique id. A transaction may be evaluated several times: it need not answer the same each time. */
  newUid(): string;
}
