import { FIRST_SETTINGS } from '../../../core/node/assignment.ts';
import { FENCED_ANNOTATION, fencedEndSeconds, renewsLease } from '../../../core/node/fencing.ts';
import type { InboxItem } from '../../../core/ports/inbox.ts';
import { forgetHost } from '../../../functions/node/forget-host.ts';
import { reconcileCluster } from '../../../functions/reconcile/reconcile.ts';
import { heard, SECOND } from '../../support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../support/reconcile-world.ts';
import { FencedHost } from './fenced-host.ts';

export const STEP_MS = SECOND;
export const REPLICAS = 2;
/** An answer that takes longer is not waited for. */
const ANSWER_MS = 40 * SECOND;
const RELAXED_SECONDS = 300;

export type Fault =
  | { readonly kind: 'cut'; readonly host: number; readonly how: 'both' | 'answers' }
  | { readonly kind: 'heal'; readonly host: number }
  /** The agent dies, and its service manager starts it again. */
  | { readonly kind: 'kill'; readonly host: number; readonly backAfter: number }
  /** The agent's process stands still; what runs on its host goes on. */
  | { readonly kind: 'stun'; readonly host: number; readonly forSeconds: number }
  | { readonly kind: 'reboot'; readonly host: number; readonly backAfter: number }
  /** Messages take so long from now on, seconds. */
  | { readonly kind: 'delay'; readonly host: number; readonly seconds: number }
  /** A host says that another doesn't answer it, rightly or not. */
  | { readonly kind: 'suspect'; readonly host: number; readonly about: number; readonly forSeconds: number }
  /** Engines take so long, ms. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** A reconciler is frozen in the middle of a run, and goes on later. */
  | { readonly kind: 'freeze'; readonly forSeconds: number }
  /** Nothing reconciles. */
  | { readonly kind: 'outage'; readonly forSeconds: number }
  | { readonly kind: 'deletePod'; readonly pick: number }
  | { readonly kind: 'deleteNode'; readonly pick: number }
  /** Its key is revoked and its Node deleted: it is never heard again. */
  | { readonly kind: 'removeHost'; readonly host: number }
  | { readonly kind: 'timeout'; readonly notReadySeconds: number }
  | { readonly kind: 'nothing' };

interface Later {
  readonly at: number;
  act(): void | Promise<void>;
}

/**
 * A cluster with fenced work and the real parts around it: controllers, reconcile, the rule of the node API, the agents' leases and planners.
 * Messages travel: a report is put, then the log is read, then the answer arrives, each later than the one before, or never.
 */
export class FencingWorld {
  readonly world = new ReconcileWorld();
  readonly hosts: readonly FencedHost[];
  readonly #link = new Map<string, { up: 'yes' | 'no' | 'one way'; delay: number }>();
  /** Whom each host suspects. */
  readonly #suspects = new Map<string, Map<string, { since: number; until: number }>>();
  #later: Later[] = [];
  /** Whose key is revoked. */
  readonly #revoked = new Set<string>();
  #slow = 0;
  #outageUntil = 0;
  /** Machines of the control plane differ by so much, ms. */
  readonly #skew: number;

  constructor(rates: readonly number[], skew: number) {
    this.#skew = skew;
    this.hosts = rates.map((rate, index) => new FencedHost(`n${index}`, rate));
    for (const { name } of this.hosts) {
      this.#link.set(name, { up: 'yes', delay: 0 });
      this.#suspects.set(name, new Map());
    }
  }

  static async start(rates: readonly number[], skew: number): Promise<FencingWorld> {
    const made = new FencingWorld(rates, skew);
    await made.world.start();
    const labels = { app: 'db' };
    const template = {
      metadata: { labels, annotations: { [FENCED_ANNOTATION]: 'true' } },
      spec: { containers: [{ name: 'db', image: 'db:1' }], terminationGracePeriodSeconds: 60 },
    };
    const spec = { replicas: REPLICAS, selector: { matchLabels: labels }, template };
    await made.world.create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'db', namespace: 'default' },
      spec,
    } as {
      kind: string;
    });
    return made;
  }

  get running(): string[] {
    return this.hosts.flatMap((host) => host.running.map(({ podName }) => `${host.name}/${podName}`));
  }

  async befall(fault: Fault): Promise<void> {
    const host = (index: number) => this.hosts[index % this.hosts.length]!;
    const link = (index: number) => this.#link.get(host(index).name)!;
    switch (fault.kind) {
      case 'cut':
        link(fault.host).up = fault.how === 'both' ? 'no' : 'one way';
        return;
      case 'heal':
        link(fault.host).up = 'yes';
        return;
      case 'delay':
        link(fault.host).delay = fault.seconds * SECOND;
        return;
      case 'kill':
      case 'reboot': {
        const struck = host(fault.host);
        if (fault.kind === 'kill') struck.killAgent();
        else struck.reboot();
        return this.#in(fault.backAfter * SECOND, () => struck.startAgent());
      }
      case 'stun':
        host(fault.host).freezeAgent(fault.forSeconds * SECOND);
        return;
      case 'suspect': {
        const { now } = this.world;
        const by = host(fault.host);
        this.#suspects
          .get(by.name)!
          .set(host(fault.about).name, { since: now - this.#skew, until: now + fault.forSeconds * SECOND });
        if (by.agent) by.agent.wantsReport = true;
        return;
      }
      case 'slow':
        this.#slow = fault.ms;
        return;
      case 'outage':
        this.#outageUntil = this.world.now + fault.forSeconds * SECOND;
        return;
      case 'freeze':
        return this.#frozenRun(fault.forSeconds);
      case 'deletePod': {
        const pods = this.world.state.list('Pod');
        const pod = pods[fault.pick % Math.max(1, pods.length)];
        if (pod) await this.world.remove('Pod', pod.metadata.name);
        return;
      }
      case 'deleteNode': {
        const nodes = this.world.state.list('Node').filter(({ metadata }) => !metadata.deletionTimestamp);
        const node = nodes[fault.pick % Math.max(1, nodes.length)];
        if (node && nodes.length > 1) await this.world.remove('Node', node.metadata.name, '');
        return;
      }
      case 'removeHost':
        return this.#removeHost(host(fault.host).name);
      case 'timeout':
        return this.#setTimeout(fault.notReadySeconds);
      case 'nothing':
    }
  }

  async step(): Promise<void> {
    this.world.now += STEP_MS;
    const { now } = this.world;
    const due = this.#later.filter(({ at }) => at <= now);
    this.#later = this.#later.filter(({ at }) => at > now);
    for (const each of due) await each.act();
    for (const host of this.hosts) {
      host.tick(now, this.#slow);
      this.#talk(host);
    }
    if (now >= this.#outageUntil) await this.world.reconcile();
    const running = this.running;
    if (running.length > REPLICAS) throw new Error(`${REPLICAS} fenced replicas, but ${running.join(' and ')} run`);
  }

  /** All is well from now on, until what should run does. */
  async calmDown(): Promise<void> {
    this.#slow = 0;
    this.#outageUntil = 0;
    for (const link of this.#link.values()) Object.assign(link, { up: 'yes', delay: 0 });
    for (const suspects of this.#suspects.values()) suspects.clear();
    for (const host of this.hosts) host.thaw();
    for (let second = 0; second < 900; second++) {
      await this.step();
      if (second > 30 && this.running.length === REPLICAS) return;
    }
    throw new Error(`it never comes to rest: ${this.running.join(' and ') || 'nothing'} runs`);
  }

  #in(ms: number, act: Later['act']): void {
    this.#later.push({ at: this.world.now + ms, act });
  }

  /** A report when it is due, and after its answer, or from time to time, what is assigned. */
  #talk(host: FencedHost): void {
    const { agent } = host;
    const link = this.#link.get(host.name)!;
    // One report at a time, given up after a while; one that can't leave is tried again.
    if (!agent || !host.attends || link.up === 'no' || this.#revoked.has(host.name) || this.world.now < agent.waitsUntil) return;
    const settings = host.assignment?.settings ?? FIRST_SETTINGS;
    const { renewSeconds } = settings;
    const times = { stopSeconds: settings.fencedStopSeconds, graceSeconds: settings.fencedGraceSeconds };
    const sentAt = host.uptime();
    if (!agent.wantsReport && sentAt - agent.reportedAt < renewSeconds * SECOND) return;
    Object.assign(agent, { wantsReport: false, reportedAt: sentAt, waitsUntil: this.world.now + ANSWER_MS });
    const leaseSeconds = Math.max(fencedEndSeconds(settings), agent.keeper.endSeconds());
    const pods = host.podReports();
    const suspects = [...this.#suspects.get(host.name)!]
      .filter(([, { until }]) => until > this.world.now)
      .map(([node, { since }]) => ({ node, since, told: 0 }));
    // Without fenced work it promises little, as one that is connected: it is its peers that notice when it is gone.
    const withinSeconds = pods.length === 0 ? RELAXED_SECONDS : renewSeconds;
    const report = { pods, withinSeconds, leaseSeconds, suspects, network: { address: '192.168.7.7', mtu: 1500 } };
    const answered = async (act: () => void): Promise<void> => {
      if (link.up === 'yes') this.#whenAttended(host, agent, act);
    };
    this.#in(link.delay, async () => {
      if (this.#revoked.has(host.name)) return;
      const item = { ...heard(host.name, this.world.now - this.#skew, report) };
      await this.world.inbox.put(TENANT, CLUSTER, item);
      this.#in(link.delay / 2, () => {
        const lease = this.#renews(item);
        this.#in(link.delay, () =>
          answered(() => {
            if (this.world.now >= agent.waitsUntil) return;
            agent.waitsUntil = 0;
            if (lease) agent.keeper.renew(sentAt, times);
            this.#poll(host);
          }),
        );
      });
    });
  }

  /** What comes to an agent that stands still waits for it, as long as it is the same. */
  #whenAttended(host: FencedHost, agent: FencedHost['agent'], act: () => void): void {
    if (host.agent !== agent) return;
    if (host.attends) act();
    else this.#in(Math.max(SECOND, host.attendsAt - this.world.now), () => this.#whenAttended(host, agent, act));
  }

  /** What the node API reads after it has put a report. */
  #renews(item: InboxItem): boolean {
    return renewsLease(this.world.state.get('Node', '', item.nodeName));
  }

  #poll(host: FencedHost): void {
    const { agent } = host;
    const link = this.#link.get(host.name)!;
    const askedAt = host.uptime();
    this.#in(link.delay, () => {
      const assignment = this.world.assignment(host.name);
      this.#in(link.delay, () => {
        if (!assignment || link.up !== 'yes') return;
        this.#whenAttended(host, agent, () => host.assign(structuredClone(assignment), askedAt));
      });
    });
  }

  /** Reads now what it acts on later. */
  async #frozenRun(seconds: number): Promise<void> {
    let read = () => {};
    const hasRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    let thaw = () => {};
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const { deps } = this.world;
    const inbox = {
      ...deps.inbox,
      async list(tenant: string, cluster: string) {
        const items = await deps.inbox.list(tenant, cluster);
        read();
        await frozen;
        return items;
      },
    };
    const run = reconcileCluster({ ...deps, inbox, told: new Map() }, TENANT, CLUSTER);
    await hasRead;
    this.#in(seconds * SECOND, async () => {
      thaw();
      await run;
    });
  }

  /** As many stay as there are replicas. */
  async #removeHost(name: string): Promise<void> {
    if (this.#revoked.size >= this.hosts.length - REPLICAS || !this.world.state.get('Node', '', name)) return;
    this.#revoked.add(name);
    const { keyspaces, inbox } = this.world.deps;
    await forgetHost({ keyspaces, inbox, context: () => this.world.ctx() }, TENANT, CLUSTER, name);
    const node = this.world.state.get('Node', '', name);
    if (node && !node.metadata.deletionTimestamp) await this.world.remove('Node', name, '');
  }

  async #setTimeout(notReadySeconds: number): Promise<void> {
    const data = { notReadySeconds: String(notReadySeconds) };
    const name = 'cluster-settings';
    const exists = this.world.state.get('ConfigMap', 'terrane-system', name);
    if (exists) await this.world.edit('ConfigMap', name, (map) => void (map.data = data), 'terrane-system');
    else {
      const metadata = { name, namespace: 'terrane-system' };
      await this.world.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as { kind: string });
    }
  }
}
