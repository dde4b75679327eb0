import type { Duplex } from 'node:stream';
import { errorEnvelope, TerraneError } from '../../../core/errors/terrane-error.ts';
import { CorruptLogError } from '../../../core/keyspace/errors.ts';
import type { Sequence } from '../../../core/keyspace/types.ts';
import { FORWARD_BYTES_MAX } from '../../../core/node/kv.ts';
import { decodeTailQuestion, encodeFrame, type Frame, FrameReader, KV_QUESTION } from '../../../core/node/kv-stream.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import { isStoreTrouble } from '../../store-trouble.ts';
import type { KvAnswers } from './answers.ts';
import type { AnswersUnderWay } from './answers-under-way.ts';

export interface KvStreamOptions {
  readonly socket: Duplex;
  readonly answers: Pick<KvAnswers, 'tail' | 'calls'>;
  /** Asked before each question is answered: who asks, as of now. Throws TerraneError if it may not (any more). */
  readonly host: () => Promise<HostPrincipal>;
  readonly underWay: AnswersUnderWay;
  /** There are entries up to here that no answer brought. */
  readonly hint: (host: HostPrincipal, sequence: Sequence) => void;
  /** Told of what isn't the host's fault. */
  readonly onError: (error: unknown) => void;
}

/**
 * Questions that are worked on at the same time (an agent asks no more than five), and bytes of answers that the host hasn't taken. Beyond
 * either, no question is begun and the host isn't listened to: an answer may have ANSWER_BYTES_MAX, and the memory is everybody's.
 */
export const AT_ONCE_MAX = 8;
export const UNSENT_BYTES_MAX = 8_000_000;

/**
 * A host's kept connection. What its opening has proven holds for all that is asked on it, but for the host's right to ask: that is looked up
 * for each question (a sole writer remembers it, and forgets with each write to accounts), so a revocation counts at the next.
 */
export function serveKvStream(options: KvStreamOptions): void {
  const { socket, answers, underWay, onError } = options;
  const reader = new FrameReader(FORWARD_BYTES_MAX);
  let atOnce = 0;
  let corked = false;
  /** Came in one piece with others: one piece may hold thousands. */
  let waiting: Frame[] = [];
  /** The last entry that went to the host on this connection. */
  let sent: Sequence = 0;

  async function calls(host: HostPrincipal, payload: Uint8Array): Promise<Uint8Array> {
    const answer = underWay.begin(host.tenant, host.cluster, host.nodeName);
    let upTo: Sequence = 0;
    try {
      const answered = await answers.calls(host, payload, { sent });
      if (!socket.destroyed) sent = Math.max(sent, answered.upTo);
      upTo = sent;
      return answered.bytes;
    } finally {
      const untold = answer.end(upTo);
      if (untold !== undefined) options.hint(host, untold);
    }
  }

  async function answerTo({ code, payload }: Frame): Promise<Uint8Array> {
    const host = await options.host();
    if (code === KV_QUESTION.calls) return calls(host, payload);
    if (code === KV_QUESTION.tail) return answers.tail(host, tailQuestion(payload));
    throw new TerraneError('invalid_request', `There is no question of kind ${code}.`);
  }

  async function handle(frame: Frame): Promise<void> {
    try {
      const answer = await answerTo(frame);
      send(frame.id, 200, answer);
    } catch (error) {
      const known = refusalOf(error);
      if (!(error instanceof TerraneError)) onError(error);
      send(frame.id, known.status, Buffer.from(JSON.stringify(errorEnvelope(known, '-'))));
      // Whoever may not ask any more isn't kept.
      if (known.status === 401 || known.status === 403) socket.end();
    } finally {
      atOnce--;
      goOn();
    }
  }

  /** Answers of one commit become ready one after the other, and leave in one write. */
  function send(id: number, status: number, payload: Uint8Array): void {
    if (socket.destroyed || socket.writableEnded) return;
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(encodeFrame(id, status, payload));
  }

  /** Begins what may be begun; listens for more when nothing is left. */
  function goOn(): void {
    const free = () => atOnce < AT_ONCE_MAX && socket.writableLength < UNSENT_BYTES_MAX;
    let next = 0;
    while (next < waiting.length && free() && !socket.destroyed && !socket.writableEnded) {
      atOnce++;
      void handle(waiting[next++]!);
    }
    if (next > 0) waiting = waiting.slice(next);
    if (socket.destroyed || socket.writableEnded) waiting = [];
    else if (waiting.length > 0 || !free()) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }

  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('drain', goOn);
  socket.on('data', (chunk: Buffer) => {
    // Whoever was told that it may not ask any more isn't listened to.
    if (socket.writableEnded) return;
    try {
      waiting.push(...reader.push(chunk));
    } catch {
      // It doesn't speak as we do: nothing that it says can be told apart any more.
      socket.destroy();
    }
    goOn();
  });
}

function tailQuestion(payload: Uint8Array) {
  try {
    return decodeTailQuestion(payload);
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    throw new TerraneError('invalid_request', 'The question about the tail can not be read.');
  }
}

function refusalOf(error: unknown): TerraneError {
  if (error instanceof TerraneError) return error;
  return isStoreTrouble(error) ? new TerraneError('unavailable', undefined, { retryAfter: 1 }) : new TerraneError('internal');
}
