import type { HeaderBlock } from './hpack/encode.ts';
import type { ErrorCode } from './protocol.ts';

/**
 * What gRPC needs of HTTP/2, and nothing else: whoever carries streams of this kind can carry it. Methods of a stream that is over do
 * nothing.
 */
export interface TransportStream {
  readonly path: string;
  readonly method: string;
  /** Undefined: the client didn't send it. Repeated ones are joined with a comma. */
  header(name: string): string | undefined;
  /** Set before the call that announces the stream returns. */
  receiver: StreamReceiver;
  /** What was received and is not held any more: the client may send as much again. */
  consumed(bytes: number): void;
  sendHeaders(block: HeaderBlock): void;
  /** Copied or framed before it returns where possible; what isn't is kept, so the bytes must not be changed. */
  sendData(bytes: Uint8Array): void;
  /** The end. If the client is still sending, it is told to stop. */
  sendTrailers(block: HeaderBlock): void;
  /** Bytes that wait for the client to take them. */
  readonly unsentBytes: number;
  /** Resolves when there are fewer than `bytes` unsent, or the stream is over. */
  drained(bytes: number): Promise<void>;
  reset(code: ErrorCode): void;
}

export interface StreamReceiver {
  /** The bytes are only valid during the call. */
  data(bytes: Buffer): void;
  /** The client has sent everything. */
  end(): void;
  /** The client reset the stream, or the connection is gone. Not called after both sides have ended. */
  aborted(): void;
}

/** Announces each stream when its headers are there. */
export type OnStream = (stream: TransportStream) => void;
