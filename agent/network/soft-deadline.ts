/** Work that is mostly soon done, and now and then hangs: it is waited for a moment, and goes on by itself then. */
export interface SoftDeadline {
  /**
   * Does `work`, and gives what came of it, or throws as it does; or gives `late`, if it isn't done in a moment, or if work from before still goes
   * on. How that ends is told by `onLateEnd`.
   */
  wait<T>(work: () => Promise<T>): Promise<T | 'late'>;
}

/** `onLateEnd`: what was late has ended; not well, if there is a `failure`. */
export function softDeadline(msMax: number, onLateEnd: (failure?: { readonly error: unknown }) => void): SoftDeadline {
  /** Resolves when the work that goes on has ended. */
  let going: Promise<void> | undefined;

  /** `late` after a moment, or when what goes on has ended, if that is sooner. */
  function moment(before: Promise<void> | undefined): Promise<'late'> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('late'), msMax);
      void before?.then(() => {
        clearTimeout(timer);
        resolve('late');
      });
    });
  }

  return {
    async wait(work) {
      if (going) return moment(going);
      let late = false;
      const begun = work();
      const ended = begun.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      going = ended.then((failure) => {
        going = undefined;
        if (late) onLateEnd(failure);
      });
      // Its own end comes before that of `going`, so that what is done in time is never late.
      const outcome = await Promise.race([begun, moment(going)]);
      late = outcome === 'late';
      return outcome;
    },
  };
}
