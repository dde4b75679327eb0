/**
 * Shares calls that are under way: everyone who asks gets the result of a call that started after they asked, and there is
 * never more than one at a time. (A call that had started before may have seen less than the asker must see.)
 */
export function sharedCall<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;

  const start = async () => {
    // Whoever asks from now on needs another call.
    next = undefined;
    running = call();
    try {
      return await running;
    } finally {
      running = undefined;
    }
  };
  return () => {
    next ??= running ? running.then(start, start) : Promise.resolve().then(start);
    return next;
  };
}
