/** Bytes of one file of an update package that lie with us, by their sum: the same file of two packages of a cluster lies there once. */
export interface Payload {
  readonly tenant: string;
  readonly cluster: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** Where a client reads: at a URL elsewhere, or from us, the bytes `from` to `to` (inclusive). */
export type OpenPayload =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'bytes'; read(from: number, to: number): ReadableStream<Uint8Array> };

/** Where the files of packages lie that people upload. What is there is what it says: sums are verified before. */
export interface Payloads {
  has(payload: Payload): Promise<boolean>;
  /** Where the bytes are to be PUT, and with which headers; undefined: to us, by `put`. */
  uploadTo(payload: Payload): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> } | undefined>;
  /** Throws PayloadRefusedError if the bytes aren't those. Nothing is kept then. */
  put(payload: Payload, bytes: ReadableStream<Uint8Array>): Promise<void>;
  /** Undefined: it isn't there. */
  open(payload: Payload): Promise<OpenPayload | undefined>;
  /** Removes what the cluster has besides these. */
  keepOnly(tenant: string, cluster: string, sha256s: ReadonlySet<string>): Promise<void>;
}

/** The message says what is wrong with the bytes. */
export class PayloadRefusedError extends Error {
  override readonly name = 'PayloadRefusedError';
}
