import { prefixEnd } from '../../core/resources/codec.ts';
import { REGISTRY_FROM } from '../../core/controllers/state.ts';
import { CompactedError } from '../../core/keyspace/errors.ts';
import type { Revision } from '../../core/keyspace/types.ts';
import { type Reconciled, type ReconcileDeps, reconcileCluster } from './reconcile.ts';

/** Runs `action` once after `delayMs`; the answer cancels it. Tests pass one they drive by hand. */
export type Schedule = (delayMs: number, action: () => void) => () => void;

export interface LoopDeps extends ReconcileDeps {
  readonly schedule?: Schedule;
}

export interface Reconciler {
  /** Something happened to the cluster. Cheap: pokes during a run make one more run. The first poke starts following its log. */
  poke(tenant: string, cluster: string): void;
  /** A host reported. Pokes if it said something new, or was given up as silent: store/inbox-watched.ts's OnReport. */
  reported(tenant: string, cluster: string, nodeName: string, news: boolean): void;
  /** The cluster is no more: its log is followed no longer. Ends when a run under way has ended. */
  forget(tenant: string, cluster: string): Promise<void>;
  /** Ends when the runs under way have ended. */
  stop(): Promise<void>;
}

/** Runs that are over sooner than `from` need no rest after them. */
const REST_MS = { from: 25, most: 1_000 };
const BACKOFF_MS = { first: 500, most: 60_000 };
/** Longer timers overflow; waking once too often is harmless. */
const LONGEST_TIMER_MS = 86_400_000;

/** The embedded trigger: the log's own notifications, pokes and timers instead of streams and schedules. One run a cluster at a time. */
export function startReconciler(deps: LoopDeps): Reconciler {
  const loops = new Map<string, ClusterLoop>();
  const loopOf = (tenant: string, cluster: string): ClusterLoop => {
    const id = `${tenant}/${cluster}`;
    let loop = loops.get(id);
    if (!loop) loops.set(id, (loop = new ClusterLoop(deps, tenant, cluster)));
    return loop;
  };
  return {
    poke: (tenant, cluster) => loopOf(tenant, cluster).poke(),
    reported(tenant, cluster, nodeName, news) {
      const loop = loopOf(tenant, cluster);
      if (news || loop.isSilent(nodeName)) loop.poke();
    },
    async forget(tenant, cluster) {
      const id = `${tenant}/${cluster}`;
      const loop = loops.get(id);
      loops.delete(id);
      await loop?.stop();
      deps.told.delete(id);
    },
    async stop() {
      await Promise.all(Array.from(loops.values(), (loop) => loop.stop()));
    },
  };
}

class ClusterLoop {
  readonly #deps: LoopDeps;
  readonly #tenant: string;
  readonly #cluster: string;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #poked = false;
  #cancelTimer: () => void = () => {};
  #failures = 0;
  /** Of a large cluster a run takes long: the next one waits as long again, so that what comes meanwhile is done in one. */
  #restUntil = 0;
  /** Our own commits, and all before them, need no second look. */
  #seen: Revision = 0;
  /** The newest that the log told of. */
  #head: Revision = 0;
  #following: Promise<void> | undefined;
  #silent: ReadonlySet<string> = new Set();

  constructor(deps: LoopDeps, tenant: string, cluster: string) {
    this.#deps = deps;
    this.#tenant = tenant;
    this.#cluster = cluster;
  }

  poke(): void {
    this.#poked = true;
    // While it backs off a poke waits for the timer, or a broken store would be hammered by every report.
    if (this.#running || this.#failures > 0 || this.#stopped.signal.aborted) return;
    this.#startRested();
  }

  isSilent(nodeName: string): boolean {
    return this.#silent.has(nodeName);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelTimer();
    await this.#running;
    await this.#following;
  }

  #start(): void {
    this.#cancelTimer();
    this.#running = this.#runWhilePoked().finally(() => {
      this.#running = undefined;
      if (this.#head > this.#seen) this.#poked = true;
      if (this.#poked && this.#failures === 0 && !this.#stopped.signal.aborted) this.#startRested();
    });
  }

  #startRested(): void {
    const wait = this.#restLeft();
    if (wait <= 0) this.#start();
    else this.#wakeIn(wait);
  }

  #restLeft(): number {
    const left = this.#restUntil - this.#deps.clock.now();
    // The clock was set back: by it that would take as long as it was set.
    if (left > REST_MS.most) this.#restUntil = 0;
    return left > REST_MS.most ? 0 : left;
  }

  #rest(started: number): void {
    const now = this.#deps.clock.now();
    const took = now - started;
    this.#restUntil = took < REST_MS.from ? 0 : now + Math.min(took, REST_MS.most);
  }

  async #runWhilePoked(): Promise<void> {
    while (this.#poked && !this.#stopped.signal.aborted && this.#restLeft() <= 0) {
      this.#poked = false;
      const started = this.#deps.clock.now();
      try {
        this.#settle(await reconcileCluster(this.#deps, this.#tenant, this.#cluster));
        this.#rest(started);
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
  }

  #settle({ revision, wakeAt, silent }: Reconciled): void {
    this.#failures = 0;
    this.#silent = silent;
    this.#seen = Math.max(this.#seen, revision);
    this.#following ??= this.#follow().catch((error: unknown) => this.#lostTrack(error));
    if (wakeAt === undefined) return;
    const delay = wakeAt - this.#deps.clock.now();
    if (delay <= 0) this.#poked = true;
    else this.#wakeIn(delay);
  }

  #fail(error: unknown): void {
    const delay = Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
    const { logger } = this.#deps;
    logger.error('reconcile failed', { tenant: this.#tenant, cluster: this.#cluster, retryMs: delay, problem: String(error) });
    this.#wakeIn(delay);
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer();
    if (this.#stopped.signal.aborted) return;
    this.#cancelTimer = (this.#deps.schedule ?? realSchedule)(Math.min(delayMs, LONGEST_TIMER_MS), () => {
      this.#poked = true;
      if (!this.#running) this.#start();
    });
  }

  /** Pokes at each commit of somebody else. */
  async #follow(): Promise<void> {
    const keyspace = await this.#deps.keyspaces.open(this.#tenant, this.#cluster, 'registry');
    const range = { from: REGISTRY_FROM, to: prefixEnd(REGISTRY_FROM) };
    for await (const { revision } of keyspace.watch(range, this.#seen + 1, this.#stopped.signal)) {
      this.#head = Math.max(this.#head, revision);
      // During a run it can't be told yet whether this is our own commit.
      if (!this.#running && revision > this.#seen) this.poke();
    }
  }

  /** Starts anew with the next run. */
  #lostTrack(error: unknown): void {
    this.#following = undefined;
    if (this.#stopped.signal.aborted) return;
    if (!(error instanceof CompactedError))
      this.#deps.logger.warn('lost track of the log', { tenant: this.#tenant, cluster: this.#cluster, problem: String(error) });
    this.#wakeIn(BACKOFF_MS.first);
  }
}

const realSchedule: Schedule = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};
