import { randomBytes } from 'node:crypto';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { HostStream, StreamRelay, StreamSink } from '../../core/ports/stream-relay.ts';
import type { Connections } from './connections.ts';

interface Waiting {
  readonly host: string;
  settle(stream: HostStream): void;
  readonly signal: AbortSignal;
}

/** How long a connected host may take to answer a stream request, ms. */
const ANSWER_TIMEOUT_MS = 10_000;

/** An error answer is a message for a person; more than this isn't one. */
const MESSAGE_LIMIT_BYTES = 4096;

/** Streams between hosts and people who meet in one process: the embedded server. */
export function localRelay(connections: Connections, answerTimeoutMs = ANSWER_TIMEOUT_MS): StreamRelay & StreamSink {
  const waiting = new Map<string, Waiting>();

  return {
    request(tenant, cluster, nodeName, request, signal) {
      const id = randomBytes(16).toString('base64url');
      return new Promise<HostStream>((resolve) => {
        // A command that nobody waits for any more is not to run.
        const giveUp = (status: number, message: string) => {
          connections.send(tenant, cluster, nodeName, { type: 'cancel', id });
          settle({ ok: false, status, message });
        };
        const timer = setTimeout(
          () => giveUp(504, `node ${nodeName} did not answer within ${answerTimeoutMs / 1000} s`),
          answerTimeoutMs,
        );
        const cancel = () => giveUp(499, 'the client went away');
        const settle = (stream: HostStream) => {
          clearTimeout(timer);
          // Once it flows, the reader's going away cancels the body, and with it the host's POST.
          signal.removeEventListener('abort', cancel);
          waiting.delete(id);
          resolve(stream);
        };
        waiting.set(id, { host: hostKey(tenant, cluster, nodeName), settle, signal });
        signal.addEventListener('abort', cancel, { once: true });
        if (!connections.send(tenant, cluster, nodeName, { type: 'stream', id, request })) {
          settle({
            ok: false,
            status: 503,
            message: `node ${nodeName} is not connected to the control plane; its containers run on, but their logs can't be reached now`,
          });
        }
      });
    },

    async accept(id, host: HostPrincipal, status, body) {
      const waiter = waiting.get(id);
      // The id is unguessable, but a host must not answer for another one even if it learnt the id.
      if (!waiter || waiter.host !== hostKey(host.tenant, host.cluster, host.nodeName)) return false;
      if (status >= 400) {
        waiter.settle({ ok: false, status, message: await readMessage(body) });
        return true;
      }
      const { readable, done } = relayed(body, waiter.signal);
      waiter.settle({ ok: true, body: readable });
      await done;
      return true;
    },
  };
}

/**
 * `body` as a stream for the reader, and when it is over: read to its end, failed, or left by its reader. By hand rather than
 * with pipeTo, whose abort never settles in Node 20 while the destination pushes back.
 */
function relayed(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): { readable: ReadableStream<Uint8Array>; done: Promise<void> } {
  const source = body.getReader();
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const leave = () =>
    void source
      .cancel()
      .catch(() => {})
      .then(finish);
  signal.addEventListener('abort', leave, { once: true });
  const readable = new ReadableStream<Uint8Array>({
    async pull(out) {
      try {
        const chunk = await source.read();
        if (!chunk.done) return out.enqueue(chunk.value);
        out.close();
      } catch {
        // The host went away in mid-stream: what came is what there is.
        out.close();
      }
      signal.removeEventListener('abort', leave);
      finish();
    },
    cancel: leave,
  });
  return { readable, done };
}

async function readMessage(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MESSAGE_LIMIT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MESSAGE_LIMIT_BYTES).toString('utf8');
}

const hostKey = (tenant: string, cluster: string, nodeName: string): string => `${tenant} ${cluster} ${nodeName}`;
