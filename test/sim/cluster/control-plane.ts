import { settingsOf } from '../../../core/controllers/settings.ts';
import { clusterState, type FollowingState } from '../../../core/controllers/state.ts';
import type { Log } from '../../../core/keyspace/log.ts';
import { MemoryLog } from '../../../core/keyspace/memory-log.ts';
import { type OpenKeyspace, openKeyspace } from '../../../core/keyspace/open.ts';
import { type Faults, faultyLog } from '../../../core/keyspace/testing/faulty-log.ts';
import type { Timing } from '../../../core/keyspace/timing.ts';
import type { TxnView } from '../../../core/keyspace/types.ts';
import type { Assignment } from '../../../core/node/assignment.ts';
import { assignmentOf } from '../../../core/node/assignment-of.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { bootstrapCluster } from '../../../core/resources/namespaces.ts';
import type { WriteContext } from '../../../core/resources/write.ts';
import { reconcileCluster, type ReconcileDeps } from '../../../functions/reconcile/reconcile.ts';
import type { Inbox } from '../../../core/ports/inbox.ts';
import { type ListeningInbox, listeningInbox } from '../../../store/inbox-listening.ts';
import { memoryInbox } from '../../../store/inbox-memory.ts';
import { CLUSTER, TENANT } from '../../support/reconcile-world.ts';
import type { Random } from '../histories/random.ts';

const CALM: Faults = { dropped: 0, unanswered: 0, late: 0, unread: 0 };
/** No `unread`: whoever reads gives up then, and comes again, which is another fault's business. */
const STORM: Faults = { dropped: 0.03, unanswered: 0.08, late: 0.03, unread: 0 };

/** One process of the control plane: its own replica of the log, its own clock. */
export interface Process {
  readonly name: string;
  readonly keyspace: OpenKeyspace;
  readonly deps: ReconcileDeps;
  /** Until then it does nothing, ms. */
  frozenUntil: number;
  /** When it looks again although nothing happened. */
  wakeAt: number | undefined;
  /** What it has seen when it ran last. */
  seen: string;
}

export interface ControlPlaneOptions {
  readonly random: Random;
  readonly now: () => number;
  /** Its machines' clocks differ by so much, ms. */
  readonly skews: readonly number[];
  /** One process is all of it, and hears all hosts; else several on machines of their own. */
  readonly embedded: boolean;
  /** A bug put in on purpose. */
  readonly countsByClock: boolean;
  /** A bug put in on purpose, between a replica and its log. */
  readonly broken?: (log: Log) => Log;
  readonly onHint: (nodes: readonly string[], revision: number) => void;
}

/** All of it is away: it stands still, and what is sent to it waits; the machine sleeps, and so does a clock of it; or nobody answers. */
export interface Away {
  readonly how: 'stand' | 'sleep' | 'outage';
  readonly until: number;
}

/** Hosted: when a cluster asked to be looked at it is, or nobody is there. The alarms of the simulation are never late by themselves. */
const LATE_MS = 180_000;

/** The real reconcilers over one log, with a network between, an inbox, and a process that answers people and hosts. */
export class ControlPlane {
  readonly inbox: Inbox;
  readonly #listening: ListeningInbox | undefined;
  #away: Away | undefined;
  /** How far the clock of an embedded one is ahead, ms. */
  #aheadMs = 0;
  #sleptMs = 0;
  readonly reconcilers: readonly Process[];
  /** Answers people and hosts. */
  readonly api: Process;
  /** Sees the log as it is. */
  readonly #observer: OpenKeyspace;
  readonly #options: ControlPlaneOptions;
  #state: FollowingState | undefined;
  #weather: Faults = CALM;
  #uids = 0;
  /** Counts what was put into the inbox. */
  #reports = 0;

  private constructor(options: ControlPlaneOptions, observer: OpenKeyspace, keyspaces: readonly OpenKeyspace[]) {
    this.#options = options;
    this.#observer = observer;
    const { now, embedded, countsByClock } = options;
    const read = () => ({ wall: now() + this.#aheadMs, elapsed: now() - this.#sleptMs });
    const measured = embedded && !countsByClock;
    this.#listening = measured ? listeningInbox(memoryInbox(), read, () => undefined) : undefined;
    this.inbox = this.#listening ?? memoryInbox();
    const [api, ...reconcilers] = keyspaces.map((keyspace, at) => this.#process(`p${at}`, keyspace, options.skews[at] ?? 0));
    this.api = api!;
    this.reconcilers = embedded ? [api!] : reconcilers;
  }

  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const log = new MemoryLog();
    const { random, broken = (plain: Log) => plain } = options;
    const timing: Timing = { now: () => 0, elapsed: () => 0, pause: async () => {}, random: () => random.next() };
    const observer = await openKeyspace(log, { writerId: 'observer', timing, snapshotAfterBytes: Infinity });
    let made: ControlPlane | undefined;
    const faults: Faults = {
      get dropped() {
        return made?.weather.dropped ?? 0;
      },
      get unanswered() {
        return made?.weather.unanswered ?? 0;
      },
      get late() {
        return made?.weather.late ?? 0;
      },
      unread: 0,
    };
    const keyspaces: OpenKeyspace[] = [];
    for (const at of options.skews.keys())
      keyspaces.push(
        await openKeyspace(broken(faultyLog(log, timing, faults)), { writerId: `w${at}`, timing, snapshotAfterBytes: Infinity }),
      );
    made = new ControlPlane(options, observer, keyspaces);
    await made.write((txn, ctx) => bootstrapCluster(txn, ctx));
    return made;
  }

  get embedded(): boolean {
    return this.#options.embedded;
  }

  /** Undefined: it is there. */
  get away(): Away | undefined {
    return this.#away && this.#options.now() < this.#away.until ? this.#away : undefined;
  }

  goesAway(how: Away['how'], forMs: number): void {
    if (this.away) return;
    this.#away = { how, until: this.#options.now() + forMs };
    if (how === 'sleep') this.#sleptMs += forMs;
  }

  isBack(): void {
    const { away } = this;
    if (away?.how === 'sleep') this.#sleptMs -= away.until - this.#options.now();
    this.#away = undefined;
  }

  /** The clock of an embedded one is set. */
  setClock(byMs: number): void {
    this.#aheadMs += byMs;
  }

  get weather(): Faults {
    return this.#weather;
  }

  storm(on: boolean): void {
    this.#weather = on ? STORM : CALM;
  }

  #process(name: string, keyspace: OpenKeyspace, skew: number): Process {
    const { now, onHint, embedded, countsByClock } = this.#options;
    const deps: ReconcileDeps = {
      keyspaces: { open: async () => keyspace },
      inbox: this.inbox,
      notifier: { notify: async (_tenant, _cluster, names, revision) => onHint(names, revision) },
      clock: { now: () => now() + skew + this.#aheadMs },
      logger: silentLogger,
      newUid: () => `made-${++this.#uids}`,
      told: new Map(),
      ...(this.#listening && { listeningSince: () => this.#listening!.since() }),
      ...(!embedded && !countsByClock && { lateMs: LATE_MS }),
    };
    return { name, keyspace, deps, frozenUntil: 0, wakeAt: 0, seen: '' };
  }

  /** The cluster as the log has it. */
  async state(): Promise<FollowingState> {
    const view = await this.#observer.sync();
    if (this.#state?.revision !== view.revision) this.#state = clusterState(view);
    return this.#state;
  }

  get revision(): number {
    return this.#observer.view().revision;
  }

  /** As a person's request does. Rejects when it can't be known whether it was done. */
  async write<T>(evaluate: (txn: TxnView, ctx: WriteContext) => T): Promise<T> {
    if (this.away) throw new Error('nobody answers');
    const { deps, keyspace } = this.api;
    const ctx: WriteContext = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const { result } = await keyspace.transact((txn) => evaluate(txn, ctx));
    return result;
  }

  async assignment(nodeName: string): Promise<Assignment | undefined> {
    const state = clusterState(await this.api.keyspace.sync());
    return assignmentOf(state, CLUSTER, nodeName, settingsOf(state));
  }

  reported(): void {
    this.#reports++;
  }

  /** Whoever has news, or whose time has come, runs. Two at once, each on what it has read. */
  async reconcile(): Promise<void> {
    const now = this.#options.now();
    if (this.away) return;
    this.#listening?.look();
    await this.#observer.sync();
    const news = `${this.revision} ${this.#reports}`;
    const due = this.reconcilers.filter(
      ({ frozenUntil, wakeAt, seen }) => frozenUntil <= now && (seen !== news || (wakeAt !== undefined && wakeAt <= now)),
    );
    await Promise.all(due.map((process) => this.#run(process, news)));
  }

  async #run(process: Process, news: string): Promise<void> {
    process.seen = news;
    try {
      const { wakeAt } = await reconcileCluster(process.deps, TENANT, CLUSTER);
      // A timer, which goes by no clock that is set.
      process.wakeAt = wakeAt && this.#options.now() + wakeAt - process.deps.clock.now();
    } catch {
      // The log could not be reached: it comes again.
      process.seen = '';
    }
  }

  /** Reads now what it acts on when `thaw` is called. */
  async freeze(process: Process): Promise<() => Promise<void>> {
    let read = () => {};
    const hasRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    let thaw = () => {};
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const { inbox } = this;
    const slow = {
      ...inbox,
      async list(tenant: string, cluster: string) {
        const items = await inbox.list(tenant, cluster);
        read();
        await frozen;
        return items;
      },
    };
    const run = reconcileCluster({ ...process.deps, inbox: slow, told: new Map() }, TENANT, CLUSTER).catch(() => undefined);
    await hasRead;
    return async () => {
      thaw();
      await run;
    };
  }
}
