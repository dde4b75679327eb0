/**
 * Shares calls that are under way: everyone who asks gets the result of a call that started after they asked, and there is
 * never more than one at a time. (A call that had started before may have seen less than the asker must see.)
 */
export function sharedCall(call: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const start = async () => {
    // Whoever asks from now on needs another call.
    next = undefined;
    running = call();
    try {
      await running;
    } finally {
      running = undefined;
    }
  };
  return () => {
    next ??= (running ?? Promise.resolve()).then(start, start);
    return next;
  };
}
