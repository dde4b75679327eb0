import { watchRequest } from '../../../core/etcd/json/requests.ts';
import { watchJson } from '../../../core/etcd/json/watch-answer.ts';
import { type WatchAnswer, WatchStream } from '../../../core/etcd/watch.ts';
import { CompactedError } from '../../../core/keyspace/errors.ts';
import { AFTER_ALL_KEYS } from '../../../core/keyspace/keys.ts';
import { lineStream } from '../kube/stream.ts';
import { readMessages } from './body.ts';
import type { EtcdRequest } from './deps.ts';

const PROGRESS_MS = 10 * 60 * 1000;
const OPEN_SECONDS_MAX = 24 * 3600;

/** All keys, not only those watched: then the last revision seen is known exactly. */
const EVERYTHING = { from: '', to: AFTER_ALL_KEYS };

/**
 * Answers a request stream that was sent as one body (one or more JSON objects) with a stream of lines. It ends when no watch is left:
 * a client that only cancelled, or whose watches were all compacted away, has nothing to wait for.
 */
export async function serveWatch(request: EtcdRequest): Promise<Response> {
  const { c, deps, keyspace, identity } = request;
  const messages = await readMessages(c, watchRequest);
  const head = (await keyspace.sync()).revision;
  const stream = new WatchStream(head);
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, c.req.raw.signal, ...(deps.shutdown ? [deps.shutdown] : [])]);

  function* begin(): Generator<WatchAnswer | undefined> {
    for (const { createRequest, cancelRequest, progressRequest } of messages) {
      if (createRequest) yield stream.create(createRequest, head);
      else if (cancelRequest) yield stream.cancel(cancelRequest.watchId, head);
      else if (progressRequest) stream.requestProgress();
    }
    yield stream.progress(head);
  }

  async function* answers(): AsyncGenerator<WatchAnswer | undefined> {
    yield* begin();
    while (stream.watching && !signal.aborted) {
      const steps = keyspace.watch(EVERYTHING, stream.next, signal);
      try {
        let next = steps.next();
        for (;;) {
          const step = await orIdle(next, deps.progressMs ?? PROGRESS_MS);
          if (step === 'idle') {
            yield* stream.notify();
            continue;
          }
          if (step.done) return;
          yield* stream.deliver(step.value);
          yield stream.progress(head);
          next = steps.next();
        }
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        yield* stream.compacted(error.compactRevision);
      }
    }
  }

  async function* lines(): AsyncGenerator<string> {
    for await (const answer of answers()) if (answer) yield `${JSON.stringify({ result: watchJson(identity, answer) })}\n`;
  }

  const body = lineStream(lines(), {
    end,
    seconds: OPEN_SECONDS_MAX,
    onError: (error) => deps.onError?.(error, c.var.requestId),
  });
  return new Response(body, {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private', 'x-accel-buffering': 'no' },
  });
}

async function orIdle<T>(promise: Promise<T>, milliseconds: number): Promise<T | 'idle'> {
  let timer: NodeJS.Timeout | undefined;
  const idle = new Promise<'idle'>((resolve) => {
    timer = setTimeout(() => resolve('idle'), milliseconds);
  });
  try {
    return await Promise.race([promise, idle]);
  } finally {
    clearTimeout(timer);
  }
}
