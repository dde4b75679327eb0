export interface LineStreamOptions {
  /** Aborted when the stream is over, however it ends. */
  readonly end: AbortController;
  /** After how long to end it. */
  readonly seconds: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Text lines as a response body. Lines are only made when the client takes them, so a slow client costs no memory. An error ends the
 * stream: the status line has already gone out.
 */
export function lineStream(
  lines: AsyncGenerator<string>,
  { end, seconds, onError }: LineStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const timer = setTimeout(() => end.abort(), Math.min(seconds, 24 * 3600) * 1000);
  const finish = () => {
    clearTimeout(timer);
    end.abort();
  };
  /** The client went away: what a line under way brings yet, nobody wants. */
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // An empty first chunk sends the headers now: the first event may be hours away.
      controller.enqueue(new Uint8Array(0));
    },
    async pull(controller) {
      try {
        const { done, value } = await lines.next();
        if (cancelled) return;
        if (!done) {
          controller.enqueue(encoder.encode(value));
          return;
        }
      } catch (error) {
        onError(error);
      }
      finish();
      controller.close();
    },
    async cancel() {
      cancelled = true;
      finish();
      await lines.return(undefined);
    },
  });
}
