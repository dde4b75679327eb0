import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import { type Lapsed, overAt } from './plan-units.ts';
import { stopWithoutBus, type WithoutBus } from './stop-without-bus.ts';

/** Sees to it that fenced units have ended when their time is over, whatever the bus, and systemd itself, do. */
export interface FenceWatch {
  /** The lease may have lapsed, or may be held again. */
  look(): void;
  /** The bus is gone: stops fenced units without it if the lease has lapsed. Gives whether there are any. */
  stop(): Promise<boolean>;
  close(): void;
}

export interface FenceWatchOptions {
  readonly now: () => number;
  readonly lapsed: () => Lapsed | undefined;
  /** Fenced units of which the host has a file. */
  readonly fenced: () => readonly string[];
  /** Might it run, for all that was seen of it? */
  readonly mayBeUp: (unit: string) => boolean;
  /** What it was started for counts no more: it is started again once the lease is held, though nobody has seen it stop. */
  readonly forget: (unit: string) => Promise<void>;
  /** The bus hangs: it answers nothing and ends nothing. */
  readonly onHung: () => void;
  readonly withoutBus: WithoutBus;
  readonly log: Logger;
}

/** For what was killed over the bus to be seen dead. */
const SEEN_MS = 500;
/** Until all are seen dead: a systemd that wakes up may start one again, and a process may be slow to die. */
const AGAIN_MS = 2_000;

export function fenceWatch(options: FenceWatchOptions): FenceWatch {
  const { now, lapsed, fenced, log } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let acting = false;
  let closed = false;
  /** It was said of this lapse that the bus hangs. */
  let hung = false;

  function look(): void {
    const since = lapsed();
    if (!since || closed) {
      clearTimeout(timer);
      timer = undefined;
      hung = false;
    } else if (!acting) timer ??= setTimeout(() => void onTime(), Math.max(0, overAt(since) - now()) + SEEN_MS);
  }

  async function onTime(): Promise<void> {
    timer = undefined;
    const since = lapsed();
    // It was held meanwhile, if it isn't over.
    if (!since || now() < overAt(since)) return look();
    acting = true;
    if (fenced().some(options.mayBeUp)) {
      const first = !hung;
      hung = true;
      if (first) log.warn('units must have ended by now, and the bus does not say so: they are killed without it');
      await stop();
      if (first) options.onHung();
    }
    acting = false;
    if (!closed) timer = setTimeout(() => void onTime(), AGAIN_MS);
  }

  async function stop(): Promise<boolean> {
    const since = lapsed();
    const units = fenced();
    if (!since || closed || units.length === 0) return false;
    const failed = (error: unknown) => log.warn('units could not be stopped without the bus', { reason: messageOf(error) });
    await stopWithoutBus(options.withoutBus, units, now() >= overAt(since)).catch(failed);
    for (const unit of units) await options.forget(unit).catch(failed);
    return true;
  }

  return {
    look,
    stop,
    close() {
      closed = true;
      look();
    },
  };
}
