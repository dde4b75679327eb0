/** How long things took, ms, by name. */
export class Timings {
  readonly #samples = new Map<string, number[]>();

  add(name: string, ms: number): void {
    const samples = this.#samples.get(name) ?? [];
    this.#samples.set(name, samples);
    samples.push(ms);
  }

  count(name: string): number {
    return this.#samples.get(name)?.length ?? 0;
  }

  /** 0 without samples. */
  percentile(name: string, percent: number): number {
    const sorted = [...(this.#samples.get(name) ?? [])].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
  }
}
