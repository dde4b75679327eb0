import type { TransportStream } from '../http2/transport.ts';

/** What a method knows of who calls it. Made for each request, so what few ask for is found when it is asked for. */
export class Call {
  readonly #stream: TransportStream;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(stream: TransportStream) {
    this.#stream = stream;
  }

  header(name: string): string | undefined {
    return this.#stream.header(name);
  }

  /** Aborts when the client is gone, has cancelled, or its deadline passed. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}
