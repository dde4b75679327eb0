import type { Report, ReportAnswer } from '../../core/node/report.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { retryDelay } from './jitter.ts';
import { connectionProblem, Refusal } from './refusal.ts';
import type { SignedClient } from './signed-client.ts';

export interface ReporterOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  readonly random: () => number;
  /** Of the machine, ms: leases are counted by it. */
  readonly uptime: () => number;
  readonly signal: AbortSignal;
  /** The node was removed from its cluster, and its key with it. */
  readonly onRevoked: (message: string) => void;
  /** The current report, and a text that differs when it is worth sending; undefined while there is nothing to say yet. */
  readonly build: () => { readonly report: Report; readonly key: string } | undefined;
  readonly rhythm: () => Rhythm;
  /** A report that was sent at `sentAt` (uptime, ms) was answered. */
  readonly onSent: (sentAt: number, answer: Partial<ReportAnswer>, rhythm: Rhythm) => void;
}

/** How often the control plane hears of this host when nothing changes. */
export interface Rhythm {
  readonly seconds: number;
  /** Nobody counts on the second: reports of many hosts are spread. Else they come early rather than late. */
  readonly relaxed: boolean;
  /** So long after a report that is answered, and is the last one, fenced work has ended here, seconds. */
  readonly leaseSeconds: number;
  /** Fenced work begins to stop so long after it, and has so long for that, seconds. */
  readonly stopSeconds: number;
  readonly graceSeconds: number;
}

export interface Reporter {
  /** Something may have changed: it is compared, and sent if it did; a little later while more is about to change. */
  readonly check: (settled: boolean) => void;
  /** Reports now, though nothing may have changed, or after `delayMs`. */
  readonly now: (delayMs?: number) => void;
  /** The control plane can be reached again: don't wait for the back-off. */
  readonly reachable: () => void;
  close(): void;
}

/** Between two reports at least so long: changes come in bursts. */
const INTERVAL_MS = 1000;
/** While more is about to change, the news can wait a little longer. */
const UNSETTLED_MS = 2000;
/** The distance of lease renewals: trying is then no more work than reporting. */
const RETRY_MS_MAX = 20_000;

/** Tells the control plane what changed, whole and soon but not for each change; and that the host lives when nothing does. */
export function reporter(options: ReporterOptions): Reporter {
  const { client, log, random, signal } = options;
  /** Not the clock, which may be set back: the next report would be an hour late, and the lease end. */
  const now = options.uptime;
  let sentKey = '';
  let sentAt = Number.NEGATIVE_INFINITY;
  /** Where in the spread the next relaxed report falls, [0, 1). */
  let spread = 0.5;
  let failures = 0;
  let saidLost = false;
  let wanted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let busy = false;

  function wakeAt(at: number): void {
    if (at >= dueAt || signal.aborted) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(
      () => {
        dueAt = Number.POSITIVE_INFINITY;
        void round();
      },
      Math.max(0, at - now()),
    );
  }

  async function send({ report, key }: { report: Report; key: string }): Promise<void> {
    const at = now();
    const rhythm = options.rhythm();
    const { seconds: withinSeconds, leaseSeconds } = rhythm;
    const body = JSON.stringify({ ...report, withinSeconds, leaseSeconds } satisfies Report);
    const answer = await client.send({ method: 'POST', path: '/node/v1/report', body, signal });
    if (answer.status >= 300) throw new Refusal(answer);
    sentKey = key;
    sentAt = at;
    spread = random();
    options.onSent(at, JSON.parse(answer.body || '{}') as Partial<ReportAnswer>, rhythm);
  }

  async function round(): Promise<void> {
    const built = options.build();
    if (busy) return;
    // What it waits for may tell nobody that it is over: a time that has passed.
    if (built === undefined) return wakeAt(now() + INTERVAL_MS);
    if (built.key === sentKey && !wanted && now() < nextBeat()) return wakeAt(nextBeat());
    busy = true;
    wanted = false;
    try {
      await send(built);
      if (saidLost) log.info('reports are received again');
      saidLost = false;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      const wait = retryDelay(failures, random, 2000, Math.min(RETRY_MS_MAX, options.rhythm().seconds * 1000));
      if (error instanceof Refusal && error.code === 'host_revoked') options.onRevoked(error.message);
      if (!saidLost)
        log.warn(`the report was not received: ${connectionProblem(error)}; it will be sent again`, { retryMs: wait });
      saidLost = true;
      wanted = true;
      failures++;
      wakeAt(now() + wait);
    } finally {
      busy = false;
    }
    if (failures > 0) return;
    if (wanted) wakeAt(sentAt + INTERVAL_MS);
    check(true);
  }

  function nextBeat(): number {
    const { seconds, relaxed } = options.rhythm();
    return sentAt + seconds * (relaxed ? 800 + 400 * spread : 950);
  }

  function check(settled: boolean): void {
    if (busy || failures > 0) return;
    // The rhythm may have become quicker.
    if (sentKey !== '') wakeAt(nextBeat());
    const at = Math.max(settled ? now() : now() + UNSETTLED_MS, sentAt + INTERVAL_MS);
    if (dueAt <= at || options.build()?.key === sentKey) return;
    wakeAt(at);
  }

  return {
    check,
    now(delayMs = 0) {
      wanted = true;
      if (!busy && failures === 0) wakeAt(Math.max(now() + delayMs, sentAt + INTERVAL_MS));
    },
    reachable() {
      if (failures === 0) return check(true);
      failures = 0;
      dueAt = Number.POSITIVE_INFINITY;
      wakeAt(now());
    },
    close: () => clearTimeout(timer),
  };
}
