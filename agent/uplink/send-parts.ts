import type { Readable } from 'node:stream';
import { abortableDelay } from '../abortable-delay.ts';
import { Refusal } from './refusal.ts';
import type { SignedClient } from './signed-client.ts';

/** A part is sent when it has so much, or when what came first has waited so long. */
const PART_BYTES = 192 * 1024;
const GATHER_MS = 150;
/** Nothing to say for so long: an empty part, whose answer tells whether anybody still reads. */
const QUIET_MS = 60_000;

/** Sends a stream as requests of its own, one after the other, to where requests are handed over only as a whole. */
export async function sendParts(client: SignedClient, path: string, body: Readable, signal: AbortSignal): Promise<void> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  let news = new AbortController();
  body.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= PART_BYTES) body.pause();
    news.abort();
  });
  const over = () => {
    ended = true;
    news.abort();
  };
  body.on('end', over);
  body.on('close', over);
  body.on('error', over);
  for (let number = 0; !signal.aborted; number++) {
    if (bytes === 0 && !ended) await abortableDelay(QUIET_MS, AbortSignal.any([signal, news.signal]));
    if (!ended && bytes < PART_BYTES) await abortableDelay(GATHER_MS, signal);
    if (signal.aborted) return;
    const all = Buffer.concat(chunks);
    const part = all.subarray(0, PART_BYTES);
    const rest = all.subarray(part.length);
    const last = ended && rest.length === 0;
    chunks = rest.length > 0 ? [rest] : [];
    bytes = rest.length;
    news = new AbortController();
    if (bytes < PART_BYTES) body.resume();
    const answer = await client.send({ method: 'POST', path: `${path}/${number}${last ? '?last=1' : ''}`, body: part, signal });
    // Nobody reads any more.
    if (answer.status === 404) return;
    if (answer.status >= 300) throw new Refusal(answer);
    if (last) return;
  }
}
