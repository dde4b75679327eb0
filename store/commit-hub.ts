/** Tells replicas in this process of commits that another replica in this process made. */
export class CommitHub {
  readonly #listeners = new Map<string, Set<{ readonly from: object; readonly listener: () => void }>>();

  /** `by` isn't told itself. */
  publish(log: string, by: object): void {
    for (const { from, listener } of this.#listeners.get(log) ?? []) if (from !== by) listener();
  }

  subscribe(log: string, from: object, listener: () => void): () => void {
    const subscription = { from, listener };
    const all = this.#listeners.get(log) ?? new Set();
    this.#listeners.set(log, all.add(subscription));
    return () => {
      all.delete(subscription);
      if (all.size === 0) this.#listeners.delete(log);
    };
  }
}
