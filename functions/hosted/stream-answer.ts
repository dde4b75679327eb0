import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { headOf, type InvocationContext, type UrlEvent } from './function-url.ts';

/** What Lambda's runtime for Node provides as a global, for functions whose URL streams. */
interface LambdaStreaming {
  streamifyResponse(
    handler: (event: UrlEvent, stream: Writable, context: InvocationContext) => Promise<void>,
  ): (event: UrlEvent, context: InvocationContext) => Promise<void>;
  HttpResponseStream: { from(stream: Writable, head: ReturnType<typeof headOf>): Writable };
}
declare const awslambda: LambdaStreaming;

/**
 * A Lambda handler that sends the answer as it is made. When the client goes away the body is cancelled, so that a watch ends.
 * `afterwards` runs when the answer is out, before Lambda freezes the process.
 */
export function streamed(
  answer: (event: UrlEvent, context: InvocationContext, sent: Promise<void>) => Promise<Response>,
  afterwards: () => Promise<void>,
) {
  return awslambda.streamifyResponse(async (event, stream, context) => {
    let whenSent = () => {};
    const sent = new Promise<void>((resolve) => {
      whenSent = resolve;
    });
    try {
      const response = await answer(event, context, sent);
      const body = awslambda.HttpResponseStream.from(stream, headOf(response));
      await pump(response.body, body);
    } finally {
      whenSent();
      await afterwards();
    }
  });
}

async function pump(source: ReadableStream<Uint8Array> | null, target: Writable): Promise<void> {
  const reader = source?.getReader();
  let gone = false;
  const done = finished(target).catch(() => {
    gone = true;
    return reader?.cancel();
  });
  // The prelude goes out with the first write.
  target.write('');
  for (;;) {
    const step = await reader?.read();
    if (!step || step.done || gone) break;
    if (step.value.length === 0) continue;
    if (!target.write(step.value)) await Promise.race([done, new Promise((resolve) => target.once('drain', resolve))]);
  }
  if (!gone) target.end();
  await done;
}
