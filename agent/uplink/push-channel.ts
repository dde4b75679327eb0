import type { PushMessage } from '../../core/node/push.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { retryDelay } from './jitter.ts';
import { type PushConnection, pushConnection } from './push-connection.ts';
import type { SignedClient } from './signed-client.ts';

export interface PushChannelOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onMessage: (message: PushMessage) => void;
  /** Connected: hints may have been missed. `again`: after a connection that was lost. */
  readonly onConnected: (again: boolean) => void;
  /** There was a connection, and there is none now. */
  readonly onLost: () => void;
  /** Default 230 s: often enough for NATs (Azure's forgets after 240 s) and for API Gateway's idle limit of 10 min. */
  readonly pingMs?: number;
  /** A connection is replaced by a new one when it is so old; see RENEW_MS. */
  readonly renewMs?: number;
}

const PING_MS = 230_000;
/**
 * API Gateway ends connections after 2 h. Who has made the next one before that is never without: nothing has to be noticed, reported or
 * waited for. Up to a fifth sooner, so that a fleet that came up together doesn't renew together.
 */
const RENEW_MS = 110 * 60_000;

export interface PushChannel {
  connected(): boolean;
  /** The control plane was heard of: don't wait for the back-off. */
  reachable(): void;
}

/** The host's push connection, made again whenever it breaks, until `signal`. The agent works without it, only slower. */
export function pushChannel(options: PushChannelOptions): PushChannel {
  const { client, log, random, signal, onMessage, pingMs = PING_MS, renewMs = RENEW_MS } = options;
  let failures = 0;
  let current: PushConnection | undefined;
  let lost = false;
  let wake = new AbortController();

  const connect = () => pushConnection({ client, signal, onMessage, pingMs });

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const made = connect();
      const opened = await made.opened;
      const reason = opened ? await use(made) : await made.closed;
      if (signal.aborted) return;
      failures = opened ? 0 : failures + 1;
      const wait = retryDelay(failures, random);
      // The assignment poll tells when the whole control plane is out of reach; this is only about hints.
      if (failures <= 1) log.info(`push connection to ${client.server.host} ended`, { reason, retryMs: wait });
      wake = new AbortController();
      await abortableDelay(wait, AbortSignal.any([signal, wake.signal]));
    }
  }

  /** Until it is lost, or was replaced and its successors are lost. Answers why. */
  async function use(first: PushConnection): Promise<string> {
    current = first;
    failures = 0;
    log.info('push connection open', { server: client.server.host });
    options.onConnected(lost);
    lost = false;
    let why: string | undefined;
    for (let held = first; ; held = current) {
      why = undefined;
      const over = held.closed.then((reason) => (why = reason));
      const stop = new AbortController();
      await Promise.race([over, abortableDelay(renewMs * (0.8 + 0.2 * random()), AbortSignal.any([signal, stop.signal]))]);
      stop.abort();
      // One that can't be made now is tried again later; the server ends the old one when it must.
      const next = why === undefined && !signal.aborted ? connect() : undefined;
      if (next && (await next.opened)) {
        current = next;
        // The control plane may have seen the end of the old one before it saw the new one.
        if (why !== undefined) options.onConnected(true);
        held.close();
      } else if (why !== undefined || signal.aborted) break;
    }
    current = undefined;
    lost = true;
    if (!signal.aborted) options.onLost();
    return why ?? 'the agent stops';
  }

  void run();
  return {
    connected: () => current !== undefined,
    reachable() {
      failures = 0;
      wake.abort();
    },
  };
}
