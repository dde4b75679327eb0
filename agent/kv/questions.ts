import type { PastQuestion } from '../../core/node/kv-past.ts';
import type { TailQuestion } from '../../core/node/kv-stream.ts';

export interface AskOptions {
  /** For the whole answer, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * What this host asks the control plane about the key-value store (core/node/kv.ts and kv-past.ts have the bodies), whichever way it goes there. Throws
 * DismissedError, UnreachableError, or Refusal if the control plane understood and said no.
 */
export interface KvQuestions {
  calls(body: Uint8Array, options: AskOptions): Promise<Buffer>;
  tail(question: TailQuestion, options: AskOptions): Promise<Buffer>;
  /** A page; the first one without a cursor. */
  snapshot(cursor: string | undefined, options: AskOptions): Promise<Buffer>;
  past(question: PastQuestion, options: AskOptions): Promise<Buffer>;
  /** Questions cost so little that another may be sent before the last is answered. */
  cheap(): boolean;
}
