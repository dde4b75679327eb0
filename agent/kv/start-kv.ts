import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { identityOf } from '../../core/etcd/identity.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Schedule } from '../../core/ports/schedule.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import { type ListenAddress, showListen } from '../etcd/listen.ts';
import { type EtcdServer, startEtcdServer } from '../etcd/start-etcd-server.ts';
import type { Identity } from '../identity/identity.ts';
import type { BytesClient, SignedClient } from '../uplink/signed-client.ts';
import { type HostKv, type HostKvFacts, openHostKv } from './host-kv.ts';
import { kvQuestions } from './kv-questions.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { v2Face } from './v2-face.ts';

export interface StartKvOptions {
  readonly client: SignedClient & BytesClient;
  readonly identity: Identity;
  /** The agent's. */
  readonly dataDirectory: string;
  readonly listen: readonly ListenAddress[];
  readonly prefixes: readonly string[];
  readonly cacheBytes: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly pushConnected: () => boolean;
}

export interface RunningKv extends Pick<HostKv, 'service' | 'onMessage' | 'onReachable'> {
  facts(): HostKvFacts & { readonly listening: readonly string[]; readonly problem: string | undefined };
  dismiss(): Promise<void>;
  close(): Promise<void>;
}

/** An address may become free, or appear: Docker's bridge is there once Docker is. */
const LISTEN_AGAIN_MS = 30_000;
/** Longer timers overflow; waking once too often is harmless. */
const LONGEST_TIMER_MS = 86_400_000;

/** etcd on this host: the services, and the addresses that clients reach them at. What can't be had costs only itself. */
export async function startKv(options: StartKvOptions): Promise<RunningKv> {
  const { identity, log, now, random, client, pushConnected } = options;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const servers: EtcdServer[] = [];
  const problems = new Map<string, string>();
  const listening = () => servers.flatMap((server) => server.listening.map(showListen));
  const timing: Timing = { now, random, elapsed: () => performance.now(), pause: (ms) => pause(ms) };
  const kv = await openHostKv({
    questions: kvQuestions({ client, elapsed: () => timing.elapsed(), random, signal }),
    identity,
    directory: join(options.dataDirectory, 'kv'),
    prefixes: options.prefixes,
    bytesMax: options.cacheBytes,
    log,
    timing,
    schedule: systemSchedule,
    signal,
    pushConnected,
    clientUrls: () => listening().map((address) => `http://${address}`),
  });
  const who = identityOf(identity.cluster);
  const onError = (error: unknown) => log.warn('key-value store: a request failed', { problem: messageOf(error) });
  const http = v2Face({ service: kv.service, identity: who, nodeName: identity.nodeName, now, random, onError });

  async function listen(address: ListenAddress): Promise<boolean> {
    const where = showListen(address);
    try {
      if ('path' in address) await removeStaleSocket(address.path);
      const server = await startEtcdServer({ service: kv.service, identity: who, listen: [address], onError, http });
      if (signal.aborted) await server.close(0);
      else servers.push(server);
      problems.delete(where);
      log.info('key-value store', { etcd: server.listening.map(showListen).join(' ') });
      return true;
    } catch (error) {
      if (!problems.has(where)) log.warn(`key-value store: ${messageOf(error)}; trying again from time to time`);
      problems.set(where, messageOf(error));
      return false;
    }
  }

  async function listenAgain(address: ListenAddress): Promise<void> {
    do await abortableDelay(LISTEN_AGAIN_MS, signal);
    while (!signal.aborted && !(await listen(address)));
  }

  const stopListening = async () => {
    end.abort();
    await Promise.all(servers.splice(0).map((server) => server.close(0)));
  };
  for (const address of options.listen) if (!(await listen(address))) void listenAgain(address);

  return {
    service: kv.service,
    onMessage: (message) => kv.onMessage(message),
    onReachable: () => kv.onReachable(),
    facts: () => ({
      ...kv.facts(),
      listening: listening(),
      problem: problems.size > 0 ? [...problems.values()].join('; ') : undefined,
    }),
    async dismiss() {
      await stopListening();
      await kv.dismiss();
    },
    async close() {
      await stopListening();
      await kv.close();
    },
  };
}

const systemSchedule: Schedule = (delayMs, action) => {
  const timer = setTimeout(action, Math.min(delayMs, LONGEST_TIMER_MS));
  timer.unref();
  return () => clearTimeout(timer);
};
