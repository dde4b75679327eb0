const REMEMBERED_MAX = 256;

/** Streams that we reset lately: what the client sent before it knew is passed over (RFC 9113, 5.1). */
export class RememberedResets {
  readonly #ids = new Set<number>();

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      break;
    }
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }
}
