/** Lets at most so many things go on at once; the others wait for their turn, the first first. */
export function lane(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let going = 0;
  return async (work) => {
    if (going >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else going++;
    try {
      return await work();
    } finally {
      // Whoever waits longest goes on in this one's place.
      const next = waiting.shift();
      if (next) next();
      else going--;
    }
  };
}
