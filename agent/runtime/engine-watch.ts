import type { Logger } from '../../core/ports/logger.ts';
import type { Engine } from '../docker/engine.ts';
import { messageOf } from '../docker/errors.ts';
import type { EngineEvent, EngineInfo } from '../docker/types.ts';
import { abortableDelay } from '../abortable-delay.ts';
import type { ContainerCache } from './container-cache.ts';
import { ownerLabel } from './labels.ts';

/** Is there an engine, and if not, why. */
export type EngineState =
  | { readonly up: true; readonly info: EngineInfo }
  | {
      readonly up: false;
      readonly message: string;
      /** False before the first answer, or the first failure to get one. */
      readonly asked: boolean;
    };

export interface EngineWatchOptions {
  readonly engine: Engine;
  readonly owner: string;
  readonly cache: ContainerCache;
  readonly log: Logger;
  /** The containers or the engine's state changed. */
  readonly onChange: () => void;
  /** An engine answers (again). */
  readonly onConnected?: () => void;
  readonly signal: AbortSignal;
  readonly resyncMs?: number;
}

const RETRY_MS_FIRST = 500;
const RETRY_MS_MAX = 10_000;
/** Events tell of every change; this is for those that get lost. */
const RESYNC_MS = 30_000;
/** What can't change a container in our eyes. */
const IGNORED = /^(create|exec_|attach|resize|top|copy|export|health_status|update|rename|commit)/;

/**
 * Keeps the cache true to the engine: everything once after each (re)connection, then what its events name. Nothing is polled
 * but a slow resync. Runs until `signal`.
 */
export function watchEngine(options: EngineWatchOptions): { readonly state: () => EngineState; readonly done: Promise<void> } {
  const { engine, cache, log, onChange, signal } = options;
  let state: EngineState = { up: false, message: 'the Docker engine was not asked yet', asked: false };
  let failures = 0;

  const down = (message: string) => {
    if (state.up || state.message !== message)
      log.warn('no Docker engine: its containers are not looked after until it is back', { reason: message });
    state = { up: false, message, asked: true };
    onChange();
  };

  async function connected(): Promise<void> {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    // Events from before the full look on, so that nothing falls in between.
    const events = engine.events(ownerLabel(options.owner), undefined, both);
    const first = events.next();
    first.catch(() => undefined);
    try {
      await follow(events, first, over);
    } finally {
      over.abort();
    }
  }

  async function follow(
    events: AsyncGenerator<EngineEvent>,
    first: Promise<IteratorResult<EngineEvent>>,
    over: AbortController,
  ): Promise<void> {
    engine.forgetVersion();
    const info = await engine.info();
    await cache.sync();
    if (!state.up) log.info('Docker engine connected', { version: info.ServerVersion, containers: [...cache.all()].length });
    state = { up: true, info };
    failures = 0;
    options.onConnected?.();
    onChange();
    const resync = setInterval(() => {
      cache.sync().then(onChange, () => over.abort());
    }, options.resyncMs ?? RESYNC_MS);
    try {
      for (let next = await first; !next.done; next = await events.next()) {
        const { Action, Actor } = next.value;
        // Whoever starts one of ours looks at it then; only a start by somebody else is news.
        if (IGNORED.test(Action) || (Action === 'start' && cache.get(Actor.ID)?.state === 'running')) continue;
        await cache.refresh(Actor.ID);
        onChange();
      }
    } finally {
      clearInterval(resync);
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await connected();
        if (!signal.aborted) down('the Docker engine went away');
      } catch (error) {
        if (signal.aborted) return;
        down(messageOf(error));
      }
      const wait = Math.min(RETRY_MS_FIRST * 2 ** Math.min(failures++, 10), RETRY_MS_MAX);
      await abortableDelay(wait, signal);
    }
  }

  return { state: () => state, done: run() };
}
