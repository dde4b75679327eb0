/** Messages on a host's push connection (WebSocket, JSON text frames). */

export interface LogsRequest {
  readonly kind: 'logs';
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}

export type StreamRequest = LogsRequest;

/**
 * Control plane -> host. `hint` says that revision N may concern this host; `stream` asks for POST /node/v1/streams/<id>,
 * or with `parts` for POSTs /node/v1/streams/<id>/<0, 1, ...>, the last one with ?last=1; `kv` says
 * that the key-value store's log has an entry of that sequence, and may hold it (base64).
 */
export type PushMessage =
  | { readonly type: 'hint'; readonly revision: number }
  | { readonly type: 'stream'; readonly id: string; readonly request: StreamRequest; readonly parts?: boolean }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'kv'; readonly sequence: number; readonly entry?: string };

/** Header of a stream POST that carries an error instead of data: an HTTP status; the body is then the message. */
export const STREAM_STATUS_HEADER = 'terrane-stream-status';
