import { type Lapsed, overAt } from './plan-units.ts';

/** Sees to it that fenced units have ended when their time is over, whatever the bus does. */
export interface FenceWatch {
  /** The lease may have lapsed, or may be held again. */
  look(): void;
  close(): void;
}

export interface FenceWatchOptions {
  readonly now: () => number;
  readonly lapsed: () => Lapsed | undefined;
  /** The time of fenced units is over, and should any be up still, nobody waits for the bus any longer. */
  readonly onOver: () => void;
}

/** For what was killed over the bus to be seen dead. */
const SEEN_MS = 500;

export function fenceWatch({ now, lapsed, onOver }: FenceWatchOptions): FenceWatch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const look = () => {
    const since = lapsed();
    if (!since) return close();
    timer ??= setTimeout(
      () => {
        if (lapsed()?.at === since.at) return onOver();
        // It was held meanwhile.
        close();
        look();
      },
      Math.max(0, overAt(since) - now()) + SEEN_MS,
    );
  };
  return { look, close };
}
