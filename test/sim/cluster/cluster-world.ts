import type { FollowingState } from '../../../core/controllers/state.ts';
import { FIRST_SETTINGS } from '../../../core/node/assignment.ts';
import { fencedEndSeconds, renewsLease } from '../../../core/node/fencing.ts';
import type { Log } from '../../../core/keyspace/log.ts';
import { getResource } from '../../../core/resources/write.ts';
import { heard, SECOND, T0 } from '../../support/builders.ts';
import { CLUSTER, TENANT } from '../../support/reconcile-world.ts';
import type { Random } from '../histories/random.ts';
import { ClusterHost, type HostOptions } from './cluster-host.ts';
import { ControlPlane } from './control-plane.ts';
import { type Act, createWorkload } from './workload.ts';

export const STEP_MS = SECOND;
/** An answer that takes longer is not waited for. */
const ANSWER_MS = 40 * SECOND;
const POLL_MS = 60 * SECOND;

interface Link {
  up: 'yes' | 'no' | 'one way';
  /** Each way, ms. */
  delay: number;
  nextPoll: number;
  polling: boolean;
}

interface Later {
  readonly at: number;
  act(): void | Promise<void>;
}

/** What is broken on purpose, to see that it is found. */
export interface Sabotage {
  /** Hosts let fenced work run on when their lease is over. */
  readonly unfencedHosts?: boolean;
  /** Hosts have no guard beside their agent. */
  readonly unguardedHosts?: boolean;
  /** The control plane subtracts times of its clock from one another, whatever became of that and of itself. */
  readonly countsByClock?: boolean;
  /** Between a process of the control plane and the log. */
  readonly log?: (log: Log) => Log;
}

/** A whole cluster in one process: control plane, network, hosts. Time moves by steps of a second, and only here. */
export class ClusterWorld {
  now = T0;
  readonly hosts: readonly ClusterHost[];
  /** How often a restart of each unit was acknowledged; those that nobody knows of are in `unsure`. */
  readonly acknowledged = new Map<string, number>();
  readonly unsure = new Set<string>();
  readonly counts: Record<string, number> = {};
  slowness = 100;
  /** Share of hints that are lost, and of those that come twice. */
  hints = { lost: 0, twice: 0 };
  controlPlane!: ControlPlane;
  readonly #random: Random;
  readonly #links = new Map<string, Link>();
  #later: Later[] = [];

  private constructor(random: Random, hosts: readonly HostOptions[]) {
    this.#random = random;
    this.hosts = hosts.map((options) => new ClusterHost(options));
    for (const { name } of this.hosts) this.#links.set(name, { up: 'yes', delay: 0, nextPoll: 0, polling: false });
  }

  static async start(random: Random, sabotage: Sabotage = {}): Promise<ClusterWorld> {
    const { unfencedHosts, unguardedHosts, countsByClock = false, log } = sabotage;
    const rates = [0.97, 1, 1.03];
    const host = (at: number): HostOptions => ({
      name: `n${at}`,
      rate: random.pick(rates),
      systemd: at !== 3,
      labels: at < 2 ? { disk: 'ssd' } : {},
      ...(unfencedHosts && { unfenced: true }),
      ...(unguardedHosts && { unguarded: true }),
    });
    const world = new ClusterWorld(random, [0, 1, 2, 3].map(host));
    // Half of them have a control plane of their own in one process, the others the hosted one.
    const embedded = random.chance(0.5);
    const skews = embedded ? [0] : [0, random.below(2000) - 1000, random.below(2000) - 1000];
    const broken = log ? { broken: log } : {};
    const onHint = (names: readonly string[], revision: number) => world.#hint(names, revision);
    world.controlPlane = await ControlPlane.start({
      random,
      now: () => world.now,
      skews,
      onHint,
      embedded,
      countsByClock,
      ...broken,
    });
    await world.controlPlane.write(createWorkload);
    return world;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  link(host: ClusterHost): Link {
    return this.#links.get(host.name)!;
  }

  /** Hosts on which the unit has a process. */
  runningUnit(name: string): string[] {
    return this.hosts.filter(({ systemd }) => systemd.running.includes(name)).map((host) => host.name);
  }

  /** `host/pod` of each container that runs, of pods whose name begins so. */
  runningPods(prefix: string): string[] {
    return this.hosts.flatMap((host) =>
      host.running.filter(({ podName }) => podName.startsWith(prefix)).map(({ podName }) => `${host.name}/${podName}`),
    );
  }

  /** A person does it. Whether it was done is not always known. */
  async act(act: Act): Promise<boolean> {
    try {
      await this.controlPlane.write(act);
      return true;
    } catch {
      this.count('unanswered requests');
      return false;
    }
  }

  in(ms: number, act: Later['act']): void {
    this.#later.push({ at: this.now + ms, act });
  }

  /** Seconds for which the control plane could have heard the host since it was heard last, by name. */
  readonly listened = new Map<string, number>();
  /** Nodes that stood in the log as given up after the last step. */
  readonly givenUp = new Set<string>();
  /** Each second in which fenced work ran twice because a paused host has just gone on. */
  #afterPause = 0;

  noteAfterPause(): void {
    this.#afterPause++;
    this.counts['seconds of fenced work that ran twice when a paused host went on'] = this.#afterPause;
  }

  /** One second passes. Returns the cluster as it is then. */
  async step(): Promise<FollowingState> {
    this.now += STEP_MS;
    const due = this.#later.filter(({ at }) => at <= this.now);
    this.#later = this.#later.filter(({ at }) => at > this.now);
    for (const each of due) await each.act();
    for (const { name } of this.hosts) if (!this.controlPlane.away) this.listened.set(name, (this.listened.get(name) ?? 0) + 1);
    for (const host of this.hosts) {
      host.tick(this.now, this.slowness);
      this.#talk(host);
    }
    await this.controlPlane.reconcile();
    return this.controlPlane.state();
  }

  /** All is well from now on. */
  calm(): void {
    this.slowness = 100;
    this.hints = { lost: 0, twice: 0 };
    this.controlPlane.storm(false);
    this.controlPlane.isBack();
    for (const process of this.controlPlane.reconcilers) process.frozenUntil = 0;
    for (const host of this.hosts) host.thaw();
    for (const link of this.#links.values()) Object.assign(link, { up: 'yes', delay: 0 });
  }

  #hint(names: readonly string[], revision: number): void {
    for (const host of this.hosts) {
      if (!names.includes(host.name) || this.#random.chance(this.hints.lost)) continue;
      const times = this.#random.chance(this.hints.twice) ? 2 : 1;
      for (let time = 0; time < times; time++)
        this.in(this.link(host).delay + time * SECOND, () => {
          if (host.attends && this.link(host).up === 'yes' && revision > (host.assignment?.revision ?? 0)) this.#poll(host);
        });
    }
  }

  /** A report when it is due, and after its answer, or from time to time, what is assigned. */
  #talk(host: ClusterHost): void {
    const { agent } = host;
    const link = this.link(host);
    if (!agent || !host.attends || link.up === 'no') return;
    if (this.now >= link.nextPoll) this.#poll(host);
    // One report at a time, given up after a while; one that can't leave is tried again.
    if (this.now < agent.waitsUntil) return;
    const settings = host.assignment?.settings ?? FIRST_SETTINGS;
    const { renewSeconds } = settings;
    const times = { stopSeconds: settings.fencedStopSeconds, graceSeconds: settings.fencedGraceSeconds };
    const leaseSeconds = Math.max(fencedEndSeconds(settings), agent.keeper.endSeconds());
    const sentAt = host.uptime();
    const report = { ...host.report(), withinSeconds: renewSeconds, leaseSeconds };
    const told = JSON.stringify([report.pods, report.units]);
    if (told !== host.told) agent.wantsReport = true;
    if (!agent.wantsReport && sentAt - agent.reportedAt < renewSeconds * SECOND) return;
    host.told = told;
    Object.assign(agent, { wantsReport: false, reportedAt: sentAt, waitsUntil: this.now + ANSWER_MS });
    this.#asked(link, async () => {
      const { api, inbox } = this.controlPlane;
      this.listened.set(host.name, 0);
      const item = heard(host.name, api.deps.clock.now(), report);
      await inbox.put(TENANT, CLUSTER, item);
      this.controlPlane.reported();
      // What the node API reads after it has put a report.
      const node = getResource(await api.keyspace.sync(), 'Node', '', host.name);
      const lease = renewsLease(node);
      this.#answered(host, agent, () => {
        if (link.up !== 'yes' || this.now >= agent.waitsUntil) return;
        agent.waitsUntil = 0;
        if (lease) agent.keeper.renew(sentAt, times);
        else if (agent.keeper.fenced()) agent.wantsReport = true;
        if (!host.assignment || (lease && agent.keeper.fenced() && !agent.keeper.holds())) this.#poll(host);
      });
    });
  }

  /** The control plane is asked, when it is there: who connects to a process that stands still waits; nobody answers in an outage. */
  #asked(link: Link, act: () => Promise<void>, lost: () => void = () => {}): void {
    const reached = (): void | Promise<void> => {
      const { away } = this.controlPlane;
      if (away === undefined) return act();
      if (away.how === 'outage') lost();
      else this.in(Math.max(SECOND, away.until - this.now), reached);
    };
    this.in(link.delay, reached);
  }

  /** What comes to an agent that stands still waits for it, as long as it is the same. */
  #answered(host: ClusterHost, agent: ClusterHost['agent'], act: () => void): void {
    const arrived = (): void => {
      if (host.agent !== agent) return;
      if (host.attends) act();
      else this.in(Math.max(SECOND, host.attendsAt - this.now), arrived);
    };
    this.in(this.link(host).delay, arrived);
  }

  #poll(host: ClusterHost): void {
    const { agent } = host;
    const link = this.link(host);
    if (!agent || link.polling) return;
    link.polling = true;
    link.nextPoll = this.now + POLL_MS;
    const askedAt = host.uptime();
    const lost = () => void (link.polling = false);
    this.#asked(
      link,
      async () => {
        const assignment = await this.controlPlane.assignment(host.name);
        this.in(link.delay, lost);
        this.#answered(host, agent, () => {
          if (assignment && link.up === 'yes') host.assign(structuredClone(assignment), askedAt);
        });
      },
      lost,
    );
  }
}
