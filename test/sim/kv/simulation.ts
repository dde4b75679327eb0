import type { WatchAnswer, WatchCreateRequest } from '../../../core/etcd/watch.ts';
import { type KeyspaceService, keyspaceService } from '../../../core/etcd/keyspace-service.ts';
import { CODE, EtcdError } from '../../../core/etcd/errors.ts';
import { callAsClientsDo } from '../../../core/etcd/testing/as-clients-call.ts';
import { memoryLeaseDeadlines } from '../../../core/etcd/memory-lease-deadlines.ts';
import { CorruptLogError } from '../../../core/keyspace/errors.ts';
import { AFTER_ALL_KEYS } from '../../../core/keyspace/keys.ts';
import type { EtcdService, WatchSession } from '../../../core/etcd/service.ts';
import { RETENTION_MS, type Log } from '../../../core/keyspace/log.ts';
import { type OpenKeyspace, openKeyspace } from '../../../core/keyspace/open.ts';
import { rangeOf } from '../../../core/etcd/testing/requests.ts';
import { VirtualTime } from '../../../core/keyspace/testing/virtual-time.ts';
import { dynamoLog } from '../../../store/dynamodb-log.ts';
import { checkOrder } from '../histories/check-order.ts';
import { checkRegisters } from '../histories/check-registers.ts';
import { checkWatch, type WatchRecord } from '../histories/check-watch.ts';
import type { Schedule } from '../../../core/ports/schedule.ts';
import type { PagedLog } from '../../../core/ports/keyspaces.ts';
import type { HostKv } from '../../../agent/kv/host-kv.ts';
import type { KvQuestions } from '../../../agent/kv/questions.ts';
import { type ControlPlaneProcess, openSimulatedHost } from './host.ts';
import { MemoryDisk } from './memory-disk.ts';
import { type Finding, Recorder, show } from '../histories/history.ts';
import { Random } from '../histories/random.ts';
import { type AnyRequest, randomRequest, REGISTERS } from '../histories/workload.ts';
import { CALM, Machine, type Weather } from './machine.ts';
import { ForkError, SharedTable } from './shared-table.ts';

/** What is broken on purpose, to see that it is found. */
export interface Sabotage {
  /** Between a replica and its log. */
  readonly log?: (log: Log) => Log;
  /** Linearizable reads are answered from memory. */
  readonly staleReads?: boolean;
  /** A machine's clock never moves, so that its head seems fresh for ever, and nobody looks at signatures. */
  readonly stoppedClocks?: boolean;
  /** Between a host's cache and the control plane. */
  readonly questions?: (questions: KvQuestions) => KvQuestions;
  /** So many hosts instead of HOSTS. */
  readonly hosts?: number;
  /** Watches lose one event in so many. */
  readonly loseEvents?: number;
}

export interface Report {
  readonly findings: readonly Finding[];
  /** What happened, in numbers: a simulation in which nothing goes wrong proves nothing. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Of the control plane, and hosts of which each has a cache and asks any of those. */
const SITES = 3;
const HOSTS = 2;
const CLIENTS_PER_SITE = 2;
const CALLS_PER_CLIENT = 40;
const FAULTS = 18;
const DAY_MS = RETENTION_MS;
/** Longer than whoever asked in the storm waits for an answer. */
const SETTLE_MS = 6_000;
/** As long as a new watch takes to come up to date when nothing goes wrong. */
const CATCH_UP_MS = 500;
const STORM: Weather = { dropped: 0.04, unanswered: 0.06, late: 0.04, twice: 0.04, deadly: 0.01 };

/** Whether an error means that nothing was written: etcd's refusals, but for those that say that it is too busy to know. */
function isRefusal(error: unknown): boolean {
  return error instanceof EtcdError && error.code !== CODE.unavailable;
}

/** Runs one story under a seed, and says what is wrong with what its clients saw. */
export async function simulate(seed: number, sabotage: Sabotage = {}): Promise<Report> {
  const simulation = new Simulation(seed, sabotage);
  try {
    return await simulation.time.run(simulation.play());
  } catch (error) {
    if (error instanceof Stopped) return { findings: error.findings, counts: {} };
    throw error;
  }
}

/** A place that serves etcd's clients: a process with a replica, started again when it dies. */
interface Site {
  readonly name: string;
  machine: Machine;
  readonly keyspace: OpenKeyspace | undefined;
  service: EtcdService | undefined;
  /** How often it was started: clients that come back meet another process. */
  starts: number;
}

class ControlPlaneSite implements Site {
  keyspace: OpenKeyspace | undefined;
  service: KeyspaceService | undefined;
  starts = 0;
  readonly name: string;
  machine: Machine;

  constructor(name: string, machine: Machine) {
    this.name = name;
    this.machine = machine;
  }
}

class HostSite implements Site {
  kv: HostKv | undefined;
  starts = 0;
  /** It outlives the process. */
  readonly disk = new MemoryDisk();
  /** Else it looks every few seconds. */
  readonly hasPush: boolean;
  /** Of before there was a second format of entries. */
  readonly isOld: boolean;
  readonly name: string;
  machine: Machine;

  constructor(name: string, machine: Machine, hasPush: boolean) {
    this.isOld = !hasPush;
    this.name = name;
    this.machine = machine;
    this.hasPush = hasPush;
  }

  get keyspace(): OpenKeyspace | undefined {
    return this.kv?.keyspace();
  }
  get service(): EtcdService | undefined {
    return this.kv?.service;
  }
}

class Simulation {
  readonly time: VirtualTime;
  readonly #random: Random;
  readonly #sabotage: Sabotage;
  readonly #table: SharedTable;
  readonly #recorder = new Recorder();
  readonly #controlPlane: ControlPlaneSite[] = [];
  readonly #hosts: HostSite[] = [];
  readonly #watches: WatchRecord[] = [];
  readonly #leases: bigint[] = [];
  /** Every lease that was ever asked for may run out. */
  readonly #mayExpire = new Set<bigint>();
  readonly #deadlines = memoryLeaseDeadlines();
  readonly #counts: Record<string, number> = {};
  #weather = STORM;
  #values = 0;
  #revision = 1;
  #compactRevision = 0;
  #over = false;
  readonly #findings: Finding[] = [];

  constructor(seed: number, sabotage: Sabotage) {
    this.time = new VirtualTime(seed);
    this.#random = new Random(seed ^ 0x5eed);
    this.#sabotage = sabotage;
    this.#table = new SharedTable(() => this.time.now());
    // So that no clock is before the epoch.
    this.time.jump(10 * DAY_MS);
  }

  async play(): Promise<Report> {
    for (let n = 0; n < SITES; n++) this.#controlPlane.push(new ControlPlaneSite(`s${n}`, this.#machine(`s${n}`)));
    for (let n = 0; n < (this.#sabotage.hosts ?? HOSTS); n++)
      this.#hosts.push(new HostSite(`h${n}`, this.#machine(`h${n}`), n % 2 === 0));
    this.#table.onEntry = (sequence, body) => this.#hint(sequence, body);
    const serving = [
      ...this.#controlPlane.map((site) => this.#keepUp(site)),
      ...this.#hosts.map((host) => this.#keepUpHost(host)),
    ];
    const watching = this.#sites.flatMap((site) => [this.#watch(site, true), this.#watch(site, false)]);
    const clients = this.#sites.flatMap((site) => Array.from({ length: CLIENTS_PER_SITE }, (_, n) => this.#client(site, n)));
    const troubles = this.#trouble();
    await Promise.all(clients);
    await troubles;
    await this.#calmDown();
    await Promise.all([...serving, ...watching]);
    await this.#check();
    return { findings: this.#findings, counts: { ...this.#counts, ...this.#table.kept } };
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #machine(name: string): Machine {
    const { stoppedClocks } = this.#sabotage;
    const stoppedAt = this.time.now();
    const machine = new Machine(name, this.time, this.#table, () => this.#weather);
    if (stoppedClocks) {
      this.#table.assertSigned = () => {};
      machine.timing.now = () => stoppedAt;
    }
    return machine;
  }

  /** Starts the site's process whenever there is none. */
  async #keepUp(site: ControlPlaneSite): Promise<void> {
    while (!this.#over) {
      const { machine } = site;
      if (!machine.alive) {
        site.keyspace = undefined;
        site.service = undefined;
        site.machine = this.#machine(site.name);
        continue;
      }
      if (!site.keyspace || site.keyspace.failure) {
        try {
          site.keyspace = await machine.outlives(this.#open(machine));
          site.service = this.#serve(machine, site.keyspace);
          site.starts++;
        } catch (error) {
          if ((error as Error).name === 'CorruptLogError')
            this.#findings.push({ rule: 'the log is damaged', facts: String(error) });
        }
      }
      await this.time.pause(20);
    }
  }

  /** The same for a host: what it has kept on its disk is there again. */
  async #keepUpHost(host: HostSite): Promise<void> {
    while (!this.#over) {
      if (!host.machine.alive) {
        host.kv = undefined;
        host.machine = this.#machine(host.name);
      }
      const { machine } = host;
      try {
        host.kv ??= await machine.outlives(
          openSimulatedHost({
            name: host.name,
            machine,
            disk: host.disk,
            schedule: this.#scheduleOf(machine),
            controlPlane: () => this.#anyProcess(),
            pushConnected: () => host.hasPush && !machine.partitioned,
            onUnreadable: host.isOld
              ? (facts) => this.#findings.push({ rule: 'an old agent was given what it can not read', facts })
              : undefined,
            sabotage: this.#sabotage.questions,
          }).then((kv) => {
            host.starts++;
            return kv;
          }),
        );
      } catch {
        // Killed while it was starting.
      }
      await this.time.pause(20);
    }
  }

  #anyProcess(): ControlPlaneProcess | undefined {
    const site = this.#random.pick(this.#controlPlane);
    const { machine, keyspace, service } = site;
    if (!machine.alive || !keyspace || keyspace.failure || !service) return undefined;
    return { machine, keyspace, service, log: this.#logOf(machine) };
  }

  /** As the table's stream has it told to the hosts that are connected. */
  #hint(sequence: number, body: Uint8Array): void {
    for (const host of this.#hosts) {
      const { kv, machine } = host;
      if (!host.hasPush || !kv || machine.partitioned) continue;
      const entry = this.#random.chance(0.7) ? { body: Buffer.from(body).toString('base64') } : {};
      if (this.#random.chance(0.05)) continue;
      for (let times = this.#random.chance(0.05) ? 2 : 1; times > 0; times--) {
        void machine.told(() => kv.onMessage({ type: 'kv', sequence, ...entry }));
      }
    }
  }

  /** The connection is there again: what was told meanwhile was told to nobody. */
  #reconnected(site: Site): void {
    const host = this.#hosts.find((each) => each === site);
    if (host?.hasPush) host.kv?.onReachable();
  }

  get #sites(): readonly Site[] {
    return [...this.#controlPlane, ...this.#hosts];
  }

  #logOf({ table, timing }: Machine): PagedLog {
    return dynamoLog({ table, tenant: 't', keyspace: 'c/kv', clock: timing });
  }

  #open(machine: Machine): Promise<OpenKeyspace> {
    const { name, timing } = machine;
    const log = this.#logOf(machine);
    return openKeyspace(this.#sabotage.log?.(log) ?? log, {
      recentBytes: 4_000,
      writerId: `${name}-${this.#random.next()}`,
      timing,
      pollMs: 400,
      snapshotAfterBytes: 20_000,
    });
  }

  /** etcd's services as the control plane has them. Timers of a dead process don't matter any more. */
  #serve(machine: Machine, keyspace: OpenKeyspace): KeyspaceService {
    const stale: OpenKeyspace = Object.create(keyspace, { sync: { value: async () => keyspace.view() } }) as OpenKeyspace;
    return keyspaceService({
      keyspace: this.#sabotage.staleReads ? stale : keyspace,
      deadlines: this.#deadlines,
      timing: machine.timing,
      schedule: this.#scheduleOf(machine),
      randomBytes: (count) => Uint8Array.from({ length: count }, () => this.#random.below(256)),
      soleKeeper: false,
      member: { id: 1n, name: 'sim', peerUrls: [], clientUrls: [] },
    });
  }

  #scheduleOf(machine: Machine): Schedule {
    return (ms, action) => {
      let cancelled = false;
      void machine.timing.pause(ms).then(() => {
        if (!cancelled && !this.#over) action();
      });
      return () => {
        cancelled = true;
      };
    };
  }

  async #client(site: Site, n: number): Promise<void> {
    for (let calls = 0; calls < CALLS_PER_CLIENT; calls++) {
      await this.time.pause(150 * this.#random.next());
      const { keyspace, service, machine } = site;
      if (!service || keyspace?.failure || !machine.alive) {
        await this.time.pause(100);
        continue;
      }
      const request = this.#request();
      const { method } = request;
      if (method === 'LeaseGrant') this.#mayExpire.add(request.request.id);
      // Whether it is acknowledged or not.
      if (method === 'Compact') this.#compactRevision = Math.max(this.#compactRevision, request.request.revision);
      const client = `${site.name}.${site.starts}.${n}`;
      const call = () => machine.outlives(callAsClientsDo(service, method, request.request as never));
      const outcome = await this.#recorder.record(client, method, request.request as never, call as never, isRefusal);
      this.#count(outcome.type);
      if (outcome.type !== 'ok') continue;
      this.#revision = Math.max(this.#revision, outcome.response.revision);
      if (method === 'LeaseGrant') this.#leases.push(request.request.id);
    }
  }

  #request(): AnyRequest {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.02) return { method: 'LeaseGrant', request: { id: BigInt(1 + random.below(1e9)), ttl: 60n } };
    if (kind < 0.03 && this.#leases.length > 0) return { method: 'LeaseRevoke', request: { id: random.pick(this.#leases) } };
    if (kind < 0.06) {
      const revision = Math.max(1, this.#revision - random.below(20));
      return { method: 'Compact', request: { revision, physical: false } };
    }
    return randomRequest(random, { revision: this.#revision, leases: this.#leases, freshValue: `v${this.#values++}` });
  }

  /** A client that watches, and goes on where it was whenever the watch breaks. */
  async #watch(site: Site, all: boolean): Promise<void> {
    const range = all ? { key: '\0', rangeEnd: '\0' } : { key: 'k/', rangeEnd: 'k0' };
    for (let next = 1; !this.#over; await this.time.pause(50)) {
      const { keyspace, service, machine } = site;
      if (!keyspace || !service || keyspace.failure || !machine.alive) continue;
      const request: WatchCreateRequest = {
        ...range,
        startRevision: next,
        progressNotify: false,
        filters: all ? [] : [this.#random.pick(['NOPUT', 'NODELETE', undefined])],
        prevKv: this.#random.chance(0.7),
        watchId: 0,
        fragment: false,
      };
      const answers: WatchAnswer[] = [];
      const startedAt = this.time.now();
      await this.#follow(machine, service, request, answers);
      const compacted = answers.at(-1)?.compactRevision ?? 0;
      const last = answers.findLast(({ events }) => events)?.events?.at(-1)?.kv.modRevision;
      const until = this.#over && this.time.now() - startedAt > CATCH_UP_MS ? keyspace.view().revision : undefined;
      this.#watches.push({ from: next, request, answers, compactRevision: this.#compactRevision, ...(until ? { until } : {}) });
      next = Math.max(next, compacted, last ? last + 1 : next);
      this.#count(compacted > 0 ? 'watches compacted' : 'watches broken');
    }
  }

  /** Until something breaks, or for a while. */
  async #follow(machine: Machine, service: EtcdService, request: WatchCreateRequest, answers: WatchAnswer[]): Promise<void> {
    const stop = new AbortController();
    const session = service.watch({ signal: stop.signal });
    session.send({ type: 'create', request });
    const stopAt = this.time.now() + 500 + 3_000 * this.#random.next();
    void this.#askForProgress(session, stopAt).then(() => stop.abort());
    const iterator = session.answers[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await machine.outlives(iterator.next());
        if (next.done) return;
        const { value } = next;
        if (value.watchId < 0) this.#count('progress reports');
        if (!value.events || !this.#random.chance(this.#sabotage.loseEvents ?? 0)) answers.push(value);
        if (value.canceled) return;
      }
    } catch {
      // It goes on elsewhere, or later.
    } finally {
      stop.abort();
    }
  }

  async #askForProgress(session: WatchSession, until: number): Promise<void> {
    while (this.time.now() < until && !this.#over) {
      await this.time.pause(300 + 700 * this.#random.next());
      session.send({ type: 'progress' });
    }
  }

  /** What befalls the machines while clients work. */
  async #trouble(): Promise<void> {
    const random = this.#random;
    for (let n = 0; n < FAULTS; n++) {
      await this.time.pause(600 * random.next());
      const site = random.pick(this.#sites);
      const { machine } = site;
      const kind = random.next();
      if (kind < 0.25) {
        this.#count('kills');
        machine.kill();
      } else if (kind < 0.5) {
        this.#count('partitions');
        machine.partitioned = true;
        void this.time.pause(4_000 * random.next()).then(() => {
          machine.partitioned = false;
          this.#reconnected(site);
        });
      } else if (kind < 0.65) {
        this.#count('skews');
        machine.skewMs = (random.next() - 0.5) * 4 * 60_000;
      } else if (kind < 0.8) {
        this.#count('freezes');
        machine.freeze();
        void this.time.pause(3_000 * random.next()).then(() => machine.thaw());
      } else if (kind < 0.9) {
        await this.#longFreeze(site);
      } else {
        this.#count('snapshots');
        void this.#controlPlane
          .find((each) => each === site)
          ?.keyspace?.snapshot()
          .catch(() => {});
      }
    }
  }

  /** One is away for longer than the log is kept, while the others go on, write a snapshot and trim. */
  async #longFreeze(site: Site): Promise<void> {
    this.#count('long freezes');
    const { machine } = site;
    machine.freeze();
    await this.time.pause(300);
    this.time.jump(DAY_MS + 60_000 * this.#random.next());
    await this.time.pause(800);
    for (const other of this.#controlPlane) if (other !== site) await this.#snapshot(other);
    machine.thaw();
  }

  /** Within reason: the site may be dead, cut off or frozen. */
  async #snapshot({ keyspace, machine }: Site): Promise<void> {
    if (!keyspace) return;
    const snapshot = machine.outlives(keyspace.snapshot()).then(
      () => this.#count('snapshots'),
      () => {},
    );
    await Promise.race([snapshot, this.time.pause(1_000)]);
  }

  async #calmDown(): Promise<void> {
    this.#weather = CALM;
    const caughtUp = () =>
      this.#sites.every(
        ({ keyspace, machine }) => machine.alive && keyspace && !keyspace.failure && keyspace.view().revision >= head,
      );
    const { state } = this.#replay();
    const head = state.revision;
    let waits = 0;
    do {
      for (const site of this.#sites) {
        const { machine } = site;
        if (machine.partitioned) {
          machine.partitioned = false;
          this.#reconnected(site);
        }
        machine.skewMs = 0;
        machine.thaw();
      }
      // A host that nobody uses has no reason to.
      for (const { kv } of this.#hosts) kv?.service.call('Range', rangeOf('k/a'), {}).catch(() => {});
      await this.time.pause(200);
    } while (!caughtUp() && ++waits < 200);
    if (!caughtUp())
      this.#findings.push({ rule: 'a replica never catches up', facts: show(this.#sites.map(({ name }) => name)) });
    // Watches that are open now see everything.
    await this.time.pause(SETTLE_MS);
    this.#over = true;
  }

  #replay(): ReturnType<SharedTable['replay']> {
    try {
      return this.#table.replay();
    } catch (error) {
      if (!(error instanceof ForkError || error instanceof CorruptLogError)) throw error;
      const rule = error instanceof ForkError ? 'history was forked' : 'the log is damaged';
      this.#findings.push({ rule, facts: error.message });
      throw new Stopped(this.#findings);
    }
  }

  async #check(): Promise<void> {
    const { log, state } = this.#replay();
    const { calls } = this.#recorder;
    this.#findings.push(...checkOrder({ calls, log, mayExpire: this.#mayExpire }), ...checkRegisters(calls, REGISTERS));
    for (const watch of this.#watches) this.#findings.push(...checkWatch(log, watch));
    const contents = (rows: Iterable<unknown>) => show([...rows]);
    const expected = contents(state.view().range('', AFTER_ALL_KEYS));
    const newcomer = await this.#open(this.#machine('new'));
    // Hosts first: they ask the control plane.
    const replicas = [...this.#hosts, ...this.#controlPlane].flatMap((site) => site.keyspace ?? []);
    for (const keyspace of [newcomer, ...replicas]) {
      if (contents((await keyspace.sync()).range('', AFTER_ALL_KEYS)) !== expected) {
        this.#findings.push({
          rule: 'a replica has another state than the log',
          facts: show([...keyspace.view().range('', AFTER_ALL_KEYS)]),
        });
      }
      const leases = (ids: readonly bigint[]) => show([...ids].sort((a, b) => (a < b ? -1 : 1)));
      if (leases(keyspace.leases().map(({ id }) => id)) !== leases(state.leases.all().map(({ id }) => id))) {
        this.#findings.push({
          rule: 'a replica has other leases than the log',
          facts: show(keyspace.leases().map(({ id }) => id)),
        });
      }
      await keyspace.close();
    }
  }
}

/** It makes no sense to go on: what is wrong is in the findings. */
export class Stopped extends Error {
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super('the simulation was stopped');
    this.findings = findings;
  }
}
