/** What one client may cost this process. Times in milliseconds, sizes in bytes. */
export interface Http2Limits {
  readonly concurrentStreams: number;
  /** Of all connections together. */
  readonly serverStreams: number;
  /** Of fields as HTTP/2 counts them. */
  readonly headerListBytes: number;
  /** Of a header block as it is sent, with its continuations. */
  readonly headerBlockBytes: number;
  readonly continuations: number;
  /** What a stream, and all of a connection's together, may send before we have taken it. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Written but not read by the peer: beyond it no more data is framed, beyond the second the connection is cut. */
  readonly outputHighBytes: number;
  readonly outputMaxBytes: number;
  /** Streams that the client ends itself before they are answered, or frames that lead nowhere: so many at once, and per second. */
  readonly resets: { readonly burst: number; readonly perSecond: number };
  readonly idleFrames: { readonly burst: number; readonly perSecond: number };
  /** Keep-alive pings closer together than this, twice more than tolerated, are answered with GOAWAY as gRPC does. */
  readonly pingInterval: number;
  /** From the first byte to the preface and the settings, and for a header block or a frame that has begun. */
  readonly handshakeTimeout: number;
  readonly frameTimeout: number;
  /** A connection from which nothing came for so long is asked whether it lives, and cut if it doesn't say so in time. */
  readonly keepaliveInterval: number;
  readonly keepaliveTimeout: number;
  /** How often it is looked for what is too late. */
  readonly sweepInterval: number;
}

/** Pings as etcd enforces and sends them; the rest as mature servers have it. */
export const DEFAULT_LIMITS: Http2Limits = {
  concurrentStreams: 4096,
  serverStreams: 50_000,
  headerListBytes: 32 * 1024,
  headerBlockBytes: 64 * 1024,
  continuations: 32,
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  outputHighBytes: 256 * 1024,
  outputMaxBytes: 4 * 1024 * 1024,
  resets: { burst: 1000, perSecond: 200 },
  idleFrames: { burst: 2000, perSecond: 500 },
  pingInterval: 5_000,
  handshakeTimeout: 10_000,
  frameTimeout: 30_000,
  keepaliveInterval: 2 * 3600_000,
  keepaliveTimeout: 20_000,
  sweepInterval: 5_000,
};
