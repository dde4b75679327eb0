/**
 * Amounts as one of 64 levels: four to each doubling, over sixteen doublings below the most that any node has. Coarse where there is
 * much, fine where there is little, which is where it matters whether something still fits.
 */
export const LEVELS = 64;

const STEPS = 65_535;

/** Whole steps out of 65,535 -> level. */
export function levelOfSteps(steps: number): number {
  if (steps < 4) return steps < 0 ? 0 : steps;
  const exponent = 31 - Math.clz32(steps);
  return ((exponent - 1) << 2) | ((steps >> (exponent - 2)) & 3);
}

/** The least share (0..1) of the most that a node at this level has. */
export function shareOfLevel(level: number): number {
  if (level < 4) return level / STEPS;
  const exponent = (level >> 2) + 1;
  return ((4 + (level & 3)) * 2 ** (exponent - 2)) / STEPS;
}

export function levelOfShare(share: number): number {
  const steps = Math.floor(share * STEPS);
  return levelOfSteps(steps > STEPS ? STEPS : steps);
}

export class Scale {
  readonly #factor: number;

  /** `most`: what the largest node has, in the resource's unit. */
  constructor(most: number) {
    this.#factor = most > 0 ? STEPS / most : 0;
  }

  level(amount: number): number {
    const steps = Math.floor(amount * this.#factor);
    return levelOfSteps(steps > STEPS ? STEPS : steps);
  }

  /** Share (0..1) of the most. */
  share(amount: number): number {
    return (amount * this.#factor) / STEPS;
  }
}
