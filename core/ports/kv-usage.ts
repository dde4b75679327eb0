/** What the key-value stores of one organisation take, so that its quota holds for all of them together. About, and a little late. */
export interface KvUsage {
  /** `bytes`: what this cluster's store takes now. */
  report(cluster: string, bytes: number): Promise<void>;
  /** What the organisation's other clusters reported last, bytes. */
  others(cluster: string): Promise<number>;
  /** What the plan allows all of them together, bytes; undefined: it doesn't say. */
  quota(): Promise<number | undefined>;
}
