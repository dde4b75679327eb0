import { isLoopback } from '../../core/network/loopback.ts';
import { encodeTailQuestion, KV_QUESTION } from '../../core/node/kv-stream.ts';
import { retryDelay } from '../uplink/jitter.ts';
import type { BytesClient, SignedClient } from '../uplink/signed-client.ts';
import { httpQuestions } from './http-questions.ts';
import { type KvStream, openKvStream } from './kv-stream.ts';
import type { KvQuestions } from './questions.ts';

export interface KvQuestionsOptions {
  readonly client: SignedClient & BytesClient;
  readonly elapsed: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** A kept connection on which nothing is asked for that long is closed, ms: an idle host keeps none. */
const IDLE_MS = 60_000;
/** After a connection was refused or lost early, ms. */
const AGAIN_MS = { first: 1_000, longest: 60_000 };
/** One that was lost sooner was lost early, ms: what made it end may end the next one, too. */
const EARLY_MS = 10_000;

/**
 * Asks over a kept connection where the control plane has such ones and the way there can't be tampered with, by signed HTTP requests
 * else, and while there is none. A signature covers one request, whoever carries it; on a kept connection it is the connection that is
 * trusted: so it must be encrypted, or not leave this machine.
 */
export function kvQuestions({ client, elapsed, random, signal }: KvQuestionsOptions): KvQuestions {
  const maySkipSignatures = client.server.protocol === 'https:' || isLoopback(client.server.hostname);
  let stream: KvStream | undefined;
  let opening = false;
  let failures = 0;
  let notBefore = 0;

  async function open(): Promise<void> {
    opening = true;
    try {
      const opened = await openKvStream(client, IDLE_MS);
      if (signal.aborted) return opened.close();
      stream = opened;
      const openedAt = elapsed();
      await opened.closed;
      if (elapsed() - openedAt >= EARLY_MS) failures = 0;
    } catch {
      // The signed requests go on, and will tell what is wrong if anything is.
    } finally {
      stream = undefined;
      notBefore = elapsed() + retryDelay(failures++, random, AGAIN_MS.first, AGAIN_MS.longest);
      opening = false;
    }
  }

  const http = httpQuestions(client, () => {
    if (maySkipSignatures && !opening && !signal.aborted && elapsed() >= notBefore) void open();
  });
  signal.addEventListener('abort', () => stream?.close(), { once: true });
  const kept = () => (stream?.open ? stream : undefined);

  return {
    calls: (body, options) => kept()?.ask(KV_QUESTION.calls, body, options) ?? http.calls(body, options),
    tail: (question, options) =>
      kept()?.ask(KV_QUESTION.tail, encodeTailQuestion(question), options) ?? http.tail(question, options),
    // Pages are large and few.
    snapshot: (cursor, options) => http.snapshot(cursor, options),
    past: (question, options) => http.past(question, options),
    cheap: () => kept() !== undefined,
  };
}
