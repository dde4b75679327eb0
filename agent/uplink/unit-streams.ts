import type { ExecRequest, JournalRequest } from '../../core/node/push.ts';

/**
 * What can be read of this host's units as a stream of bytes. Both throw StreamProblem for what a person did wrong (no such unit here: 404; no
 * systemd: 501), end by themselves when there is no more, and free what they hold when the reader stops or `signal` fires.
 */
export interface UnitStreams {
  /** What `journalctl` prints. */
  journal(request: JournalRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** The command's output and its end, as frames (core/node/exec-frames.ts). A command is ended (TERM, then KILL) when `signal` fires. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}
