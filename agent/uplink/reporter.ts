import type { Report } from '../../core/node/report.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { retryDelay } from './jitter.ts';
import { connectionProblem, Refusal } from './refusal.ts';
import type { SignedClient } from './signed-client.ts';

export interface ReporterOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  readonly random: () => number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** The node was removed from its cluster, and its key with it. */
  readonly onRevoked: (message: string) => void;
  /** The current report, and a text that differs when it is worth sending; undefined while there is nothing to say yet. */
  readonly build: () => { readonly report: Report; readonly key: string } | undefined;
  /** Seconds between reports when nothing changed. */
  readonly reportSeconds: () => number;
  /** `revision`: the registry's newest, as the control plane answered. */
  readonly onSent: (at: number, revision: number) => void;
}

export interface Reporter {
  /** Something may have changed: it is compared, and sent if it did; a little later while more is about to change. */
  readonly check: (settled: boolean) => void;
  /** The control plane can be reached again: don't wait for the back-off. */
  readonly reachable: () => void;
  close(): void;
}

/** Between two reports at least so long: changes come in bursts. */
const INTERVAL_MS = 1000;
/** While more is about to change, the news can wait a little longer. */
const UNSETTLED_MS = 2000;
/** A heartbeat's distance: trying is then no more work than reporting. */
const RETRY_MS_MAX = 20_000;

/** Tells the control plane what changed, whole and soon but not for each change; and that the host lives when nothing does. */
export function reporter(options: ReporterOptions): Reporter {
  const { client, log, random, now, signal } = options;
  let sentKey = '';
  let sentAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let saidLost = false;
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
    const answer = await client.send({ method: 'POST', path: '/node/v1/report', body: JSON.stringify(report), signal });
    if (answer.status >= 300) throw new Refusal(answer);
    sentKey = key;
    sentAt = at;
    const { revision } = JSON.parse(answer.body || '{}') as { revision?: number };
    options.onSent(at, revision ?? 0);
  }

  async function round(): Promise<void> {
    const built = options.build();
    if (busy || built === undefined) return;
    if (built.key === sentKey && now() < nextBeat()) return wakeAt(nextBeat());
    busy = true;
    try {
      await send(built);
      if (saidLost) log.info('reports are received again');
      saidLost = false;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      const wait = retryDelay(failures, random, 2000, RETRY_MS_MAX);
      if (error instanceof Refusal && error.code === 'host_revoked') options.onRevoked(error.message);
      if (!saidLost)
        log.warn(`the report was not received: ${connectionProblem(error)}; it will be sent again`, { retryMs: wait });
      saidLost = true;
      failures++;
      wakeAt(now() + wait);
    } finally {
      busy = false;
    }
    if (failures > 0) return;
    wakeAt(nextBeat());
    check(true);
  }

  /** Early rather than late: the control plane counts how long it has heard nothing. */
  function nextBeat(): number {
    return sentAt + options.reportSeconds() * 950;
  }

  function check(settled: boolean): void {
    if (busy || failures > 0) return;
    const at = Math.max(settled ? now() : now() + UNSETTLED_MS, sentAt + INTERVAL_MS);
    if (dueAt <= at || options.build()?.key === sentKey) return;
    wakeAt(at);
  }

  return {
    check,
    reachable() {
      if (failures === 0) return check(true);
      failures = 0;
      dueAt = Number.POSITIVE_INFINITY;
      wakeAt(now());
    },
    close: () => clearTimeout(timer),
  };
}
