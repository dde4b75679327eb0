import type { HeaderBlock } from './hpack/encode.ts';
import type { Output } from './output.ts';
import { type ErrorCode, FLAG, FRAME } from './protocol.ts';

/** Our frames (RFC 9113, section 6), as bytes of the output. What may be sent when is the connection's business. */
export class FrameWriter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  settings(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.#output.frameHeader(settings.length * 6, FRAME.settings, 0, 0);
    for (const [setting, value] of settings) {
      this.#output.uint16(setting);
      this.#output.uint32(value);
    }
  }

  settingsAck(): void {
    this.#output.frameHeader(0, FRAME.settings, FLAG.ack, 0);
  }

  ping(content: Buffer): void {
    this.#output.frameHeader(content.length, FRAME.ping, 0, 0);
    this.#output.bytes(content);
  }

  pingAck(content: Buffer): void {
    this.#output.frameHeader(content.length, FRAME.ping, FLAG.ack, 0);
    this.#output.bytes(content);
  }

  windowUpdate(id: number, bytes: number): void {
    this.#output.frameHeader(4, FRAME.windowUpdate, 0, id);
    this.#output.uint32(bytes);
  }

  reset(id: number, code: ErrorCode): void {
    this.#output.frameHeader(4, FRAME.rstStream, 0, id);
    this.#output.uint32(code);
  }

  goaway(lastStreamId: number, code: ErrorCode, why: string): void {
    const reason = Buffer.from(why, 'latin1');
    this.#output.frameHeader(8 + reason.length, FRAME.goaway, 0, 0);
    this.#output.uint32(lastStreamId);
    this.#output.uint32(code);
    this.#output.bytes(reason);
  }

  /** HEADERS, and as many CONTINUATIONs as it takes. */
  headers(id: number, { bytes }: HeaderBlock, end: boolean, frameBytesMax: number): void {
    let type: number = FRAME.headers;
    let flags = end ? FLAG.endStream : 0;
    let from = 0;
    do {
      const to = Math.min(from + frameBytesMax, bytes.length);
      this.#output.frameHeader(to - from, type, to === bytes.length ? flags | FLAG.endHeaders : flags, id);
      this.#output.bytes(bytes, from, to);
      type = FRAME.continuation;
      flags = 0;
      from = to;
    } while (from < bytes.length);
  }

  data(id: number, bytes: Uint8Array, from: number, to: number): void {
    this.#output.frameHeader(to - from, FRAME.data, 0, id);
    this.#output.bytes(bytes, from, to);
  }
}
