import type { HostPrincipal } from './identity.ts';
import type { StreamRequest } from '../node/push.ts';

/** What a host answered to a stream request: its bytes as they come, or an error that the user should read. */
export type HostStream =
  | { readonly ok: true; readonly body: ReadableStream<Uint8Array> }
  | { readonly ok: false; readonly status: number; readonly message: string };

/**
 * Asks a connected host for a stream (container logs now; exec and journal later). The host is told over its push
 * connection and answers with a POST of its own, so that it works behind NAT.
 */
export interface StreamRelay {
  request(tenant: string, cluster: string, nodeName: string, request: StreamRequest, signal: AbortSignal): Promise<HostStream>;
}

export interface SentPart {
  /** 0, 1, ... */
  readonly number: number;
  readonly status: number;
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

/** The other end of the relay: where a host's answering POST arrives. */
export interface StreamSink {
  /**
   * Hands over what `nodeName` sent for stream `id`. Resolves when the reader has read it all or has gone away (the POST is
   * answered only then, or the server would drop the rest of its body); false at once if nobody waits for this id from this host.
   */
  accept(id: string, host: HostPrincipal, status: number, body: ReadableStream<Uint8Array>): Promise<boolean>;
  /** The same for a stream that comes in parts, where that is how they come. False: nobody reads it (any more). */
  acceptPart?(id: string, host: HostPrincipal, part: SentPart): Promise<boolean>;
}
