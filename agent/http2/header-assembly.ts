import type { Http2Limits } from './limits.ts';
import { ConnectionError, ERROR } from './protocol.ts';

/** A header block that comes in several frames (RFC 9113, 6.10): nothing else may come in between, and it has an end. */
export class HeaderAssembly {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly #limits: Http2Limits;
  readonly #fragments: Buffer[];
  #bytes: number;

  constructor(streamId: number, endStream: boolean, first: Buffer, limits: Http2Limits) {
    this.streamId = streamId;
    this.endStream = endStream;
    this.#limits = limits;
    this.#fragments = [Buffer.from(first)];
    this.#bytes = first.length;
  }

  /** Throws ConnectionError: without a bound, a client could send continuations for ever (CVE-2024-27316 and its kin). */
  add(fragment: Buffer): void {
    this.#fragments.push(Buffer.from(fragment));
    this.#bytes += fragment.length;
    if (this.#fragments.length > this.#limits.continuations || this.#bytes > this.#limits.headerBlockBytes) {
      throw new ConnectionError(ERROR.enhanceYourCalm, 'a header block is too large');
    }
  }

  whole(): Buffer {
    return Buffer.concat(this.#fragments);
  }
}
