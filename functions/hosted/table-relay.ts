import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamRelay, StreamSink } from '../../core/ports/stream-relay.ts';
import { type StreamPart, type StreamParts, streamParts } from '../../store/stream-parts.ts';
import type { Gateway } from '../push/api-gateway.ts';
import type { HostedStore } from './store.ts';

const ANSWER_TIMEOUT_MS = 10_000;
/** Between two looks for more, while there is some and while there is none. */
const LOOK_MS = { first: 100, most: 1_000 };
const KEEP_MS = 10_000;

const NOT_CONNECTED = (node: string) =>
  `node ${node} is not connected to the control plane; its containers run on, but their logs can't be reached now`;

/**
 * Streams between hosts and people in the hosted service. A function URL hands over a request only when it is whole, so a host sends a stream
 * in parts, each a request of its own; they meet their reader, another Lambda, in the table (docs/decisions/0010).
 */
export function tableRelay(
  { client, clock, tables }: Pick<HostedStore, 'client' | 'clock' | 'tables'>,
  gateway: Pick<Gateway, 'deliver'>,
): StreamRelay {
  return {
    async request(tenant, cluster, nodeName, request, signal) {
      const id = randomBytes(16).toString('base64url');
      const parts = streamParts(client, tables.tenant, clock, tenant, cluster);
      await parts.open(id, nodeName);
      const tell = (message: Parameters<Gateway['deliver']>[3]) => gateway.deliver(tenant, cluster, nodeName, message);
      if (!(await tell({ type: 'stream', id, request, parts: true }))) {
        await parts.close(id);
        return { ok: false, status: 503, message: NOT_CONNECTED(nodeName) };
      }
      const reader = partReader(parts, id, signal);
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
      const first = await reader.next(deadline);
      const done = async (finished: boolean) => {
        await parts.close(id);
        if (!finished) await tell({ type: 'cancel', id });
      };
      if (!first || first.status >= 400) {
        await done(first !== undefined);
        if (first) return { ok: false, status: first.status, message: Buffer.from(first.bytes).toString('utf8') };
        if (signal.aborted) return { ok: false, status: 499, message: 'the client went away' };
        return { ok: false, status: 504, message: `node ${nodeName} did not answer within ${ANSWER_TIMEOUT_MS / 1000} s` };
      }
      return { ok: true, body: bodyOf(first, reader, signal, done) };
    },
  };
}

/** The host's end of it. */
export function tableSink({ client, clock, tables }: Pick<HostedStore, 'client' | 'clock' | 'tables'>): StreamSink {
  return {
    accept: async () => false,
    acceptPart: (id, { tenant, cluster, nodeName }, part) =>
      streamParts(client, tables.tenant, clock, tenant, cluster).put(id, nodeName, part),
  };
}

interface PartReader {
  /** The next part; undefined when `until` fires before it comes. */
  next(until: AbortSignal): Promise<StreamPart | undefined>;
}

function partReader(parts: StreamParts, id: string, signal: AbortSignal): PartReader {
  const ready: StreamPart[] = [];
  let from = 0;
  let keptAt = performance.now();
  return {
    async next(until) {
      for (let wait = LOOK_MS.first; ready.length === 0; wait = Math.min(wait * 1.5, LOOK_MS.most)) {
        if (until.aborted || signal.aborted) return undefined;
        ready.push(...(await parts.read(id, from)));
        if (ready.length > 0) break;
        if (performance.now() - keptAt > KEEP_MS) {
          await parts.keep(id);
          keptAt = performance.now();
        }
        await pause(wait, AbortSignal.any([until, signal]));
      }
      const part = ready.shift();
      if (part) from = part.number + 1;
      return part;
    },
  };
}

function bodyOf(
  first: StreamPart,
  reader: PartReader,
  signal: AbortSignal,
  done: (finished: boolean) => Promise<void>,
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  let part: StreamPart | undefined = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        part ??= await reader.next(AbortSignal.any([gone.signal, signal]));
        if (gone.signal.aborted) return;
        if (part && part.bytes.length > 0) out.enqueue(part.bytes);
        const over = !part || part.last;
        // An empty part only shows that the host lives: without one in the queue, pull is called again by nobody.
        if (!over && part?.bytes.length === 0) out.enqueue(new Uint8Array());
        if (over) {
          out.close();
          await done(part !== undefined);
        }
        part = undefined;
      },
      async cancel() {
        gone.abort();
        await done(false);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Or until the signal, which is the only reason to reject. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
