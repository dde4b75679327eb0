import type { StreamRequest } from '../../core/node/push.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import { answerStream, type LogSources } from './log-stream.ts';
import type { SignedClient } from './signed-client.ts';

/** The streams that this host is answering, by the id that the control plane gave them. */
export interface Streams {
  readonly answer: (id: string, request: StreamRequest, parts: boolean) => void;
  /** Nobody reads it any more. */
  readonly cancel: (id: string) => void;
}

/** More at once are refused by not answering them: a host is not there to be read only. */
const STREAMS_MAX = 64;

export function streams(client: SignedClient, sources: LogSources, log: Logger, signal: AbortSignal): Streams {
  const open = new Map<string, AbortController>();
  return {
    answer(id, request, parts) {
      if (open.has(id) || open.size >= STREAMS_MAX) return;
      const over = new AbortController();
      open.set(id, over);
      answerStream(client, id, request, sources, AbortSignal.any([signal, over.signal]), parts)
        .catch((error: unknown) => {
          if (!over.signal.aborted && !signal.aborted) log.warn('a log stream broke off', { reason: messageOf(error) });
        })
        .finally(() => open.delete(id));
    },
    cancel: (id) => open.get(id)?.abort(),
  };
}
