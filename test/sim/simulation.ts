import { isActive, isFinished } from '../../core/controllers/pod-state.ts';
import { amountsOf, podRequests } from '../../core/scheduler/requests.ts';
import { deployment, SECOND } from '../support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../support/reconcile-world.ts';
import { FakeHost } from './fake-host.ts';

export const STEP_MS = 5 * SECOND;

/** What may happen in a step. */
export type Fault =
  | { readonly cut: number }
  | { readonly crash: number }
  | { readonly heal: number }
  | { readonly scale: number }
  | { readonly image: string }
  | { readonly deletePod: number }
  /** The control plane does nothing for this step. */
  | { readonly pause: true }
  | { readonly nothing: true };

/** A cluster with a Deployment `web`, its hosts, and time. Each step checks what must always hold. */
export class Simulation {
  readonly world: ReconcileWorld;
  readonly hosts: readonly FakeHost[];
  #replicas = 3;

  constructor(world: ReconcileWorld, hosts: readonly FakeHost[]) {
    this.world = world;
    this.hosts = hosts;
  }

  static async start(hostCount: number): Promise<Simulation> {
    const world = new ReconcileWorld();
    await world.start();
    const hosts = Array.from({ length: hostCount }, (_, index) => new FakeHost(`n${index}`, '2', world.now));
    const simulation = new Simulation(world, hosts);
    const podSpec = { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '500m' } } }] };
    await world.create(deployment('web', { replicas: 3, podSpec }));
    return simulation;
  }

  async step(fault: Fault): Promise<void> {
    this.world.now += STEP_MS;
    await this.#befall(fault);
    for (const host of this.hosts) {
      const item = host.step(host.connected ? this.world.assignment(host.name) : undefined, this.world.now);
      if (item) await this.world.inbox.put(TENANT, CLUSTER, item);
    }
    if (!('pause' in fault)) await this.world.reconcile();
    this.#check();
  }

  /** Every host is back, and nothing happens any more until nothing changes. */
  async calmDown(): Promise<void> {
    for (const host of this.hosts) host.connected = true;
    let quiet = 0;
    for (let step = 0; quiet < 12; step++) {
      if (step > 200) throw new Error('it never comes to rest');
      const before = this.world.revision;
      await this.step({ nothing: true });
      quiet = this.world.revision === before ? quiet + 1 : 0;
    }
  }

  get replicas(): number {
    return this.#replicas;
  }

  async #befall(fault: Fault): Promise<void> {
    const host = (index: number) => this.hosts[index % this.hosts.length]!;
    if ('cut' in fault) host(fault.cut).connected = false;
    if ('crash' in fault) host(fault.crash).crash();
    if ('heal' in fault) host(fault.heal).connected = true;
    if ('scale' in fault) {
      this.#replicas = fault.scale;
      await this.world.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = fault.scale));
    }
    if ('image' in fault)
      await this.world.edit('Deployment', 'web', ({ spec }) => void (spec.template.spec.containers[0]!.image = fault.image));
    if ('deletePod' in fault) {
      const pods = this.world.state.list('Pod');
      const pod = pods[fault.deletePod % Math.max(1, pods.length)];
      if (pod) await this.world.remove('Pod', pod.metadata.name);
    }
  }

  #check(): void {
    const { state } = this.world;
    const uids = new Set(state.list('Pod').map(({ metadata }) => metadata.uid));
    for (const host of this.hosts) {
      const node = state.get('Node', '', host.name);
      const pods = state.podsOn(host.name).filter((pod) => !isFinished(pod));
      const taken = pods.reduce((sum, pod) => sum + (podRequests(pod).get('cpu') ?? 0), 0);
      const room = amountsOf(node?.status?.allocatable, 'down').get('cpu') ?? 0;
      if (taken > room) throw new Error(`${host.name} is promised ${taken}m of ${room}m cpu`);
      // A connected host hears of it in its next step; one that is cut off must have stopped it by itself.
      const stray = host.connected ? [] : host.running.filter((uid) => !uids.has(uid));
      if (stray.length > 0)
        throw new Error(`${host.name} is cut off and runs ${stray.join(', ')}, which may run elsewhere by now`);
    }
    const active = state.list('Pod').filter(isActive).length;
    const sets = state.list('ReplicaSet').reduce((sum, { spec }) => sum + (spec.replicas ?? 0), 0);
    if (active > sets) throw new Error(`${active} pods, but the ReplicaSets ask for ${sets}`);
  }
}
