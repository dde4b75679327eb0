/** Pods that wait for their network: each is let go after every look at it, and waits for another one if that was not enough. */
export interface LookWaiters {
  /** There has been a look, or there will be none any more. */
  letGo(): void;
  /** Waits for looks (`ask` asks for one) until `enough`, but no longer than `msMax`. */
  until(enough: () => boolean, ask: () => void, msMax: number): Promise<void>;
}

export function lookWaiters(now: () => number): LookWaiters {
  const waiting = new Set<() => void>();

  /** One look, or `msMax`. */
  function oneLook(ask: () => void, msMax: number): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(limit);
        waiting.delete(go);
        resolve();
      };
      const limit = setTimeout(go, msMax);
      waiting.add(go);
      ask();
    });
  }

  return {
    letGo() {
      for (const go of waiting) go();
    },
    async until(enough, ask, msMax) {
      const deadline = now() + msMax;
      while (now() < deadline && !enough()) await oneLook(ask, Math.max(1, deadline - now()));
    },
  };
}
