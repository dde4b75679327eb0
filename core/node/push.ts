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

/** The journal of a systemd unit that is assigned to the host. Answered with journalctl's text. */
export interface JournalRequest {
  readonly kind: 'journal';
  readonly unit: string;
  readonly follow?: boolean;
  /** Of the end. */
  readonly lines?: number;
  /** RFC 3339. */
  readonly since?: string;
  /** journalctl's --output: short, short-iso, cat, json. */
  readonly output?: JournalOutput;
}

export const JOURNAL_OUTPUTS = ['short', 'short-iso', 'short-precise', 'cat', 'json'] as const;
export type JournalOutput = (typeof JOURNAL_OUTPUTS)[number];

/** A command on the host, as root and without input. Answered with frames (exec-frames.ts). */
export interface ExecRequest {
  readonly kind: 'exec';
  /** It must be assigned to the host. Its name is in the command's environment as TERRANE_UNIT. */
  readonly unit: string;
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly timeoutSeconds: number;
}

/** What the host finds wrong with its network. Answered with JSON: Diagnosis (core/network/doctor/facts.ts). */
export interface DiagnosisRequest {
  readonly kind: 'diagnosis';
}

export type StreamRequest = LogsRequest | JournalRequest | ExecRequest | DiagnosisRequest;

/**
 * Control plane -> host. `hint` says that revision N may concern this host; `stream` asks for POST /node/v1/streams/<id>,
 * or with `parts` for POSTs /node/v1/streams/<id>/<0, 1, ...>, the last one with ?last=1; `kv` says
 * that the key-value store's log has an entry of that sequence, and may hold it (base64): as `entry` if it is of format 1, as `body` if it is
 * of another (entry.ts). So agents that read no other format see none, and ask for it in theirs.
 */
export type PushMessage =
  | { readonly type: 'hint'; readonly revision: number }
  | { readonly type: 'stream'; readonly id: string; readonly request: StreamRequest; readonly parts?: boolean }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'kv'; readonly sequence: number; readonly entry?: string; readonly body?: string };

/** Header of a stream POST that carries an error instead of data: an HTTP status; the body is then the message. */
export const STREAM_STATUS_HEADER = 'terrane-stream-status';
