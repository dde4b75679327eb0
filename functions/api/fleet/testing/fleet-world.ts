import { Hono } from 'hono';
import { heard, node, nodeStatus } from '../../../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../../../test/support/reconcile-world.ts';
import { UnitHost } from '../../../../test/sim/units/unit-host.ts';
import type { Role } from '../../../../core/ports/identity.ts';
import type { ApiEnv } from '../../../context.ts';
import type { AuditedWrite } from '../../kube/deps.ts';
import { createFleet } from '../create-fleet.ts';

const TICK_MS = 50;

/** A cluster with hosts that have systemd, its controllers, and fleet's API, in one process; time passes when somebody waits. */
export class FleetWorld {
  readonly world = new ReconcileWorld();
  readonly hosts: UnitHost[] = [];
  readonly writes: AuditedWrite[] = [];
  role: Role = 'owner';
  readonly app = new Hono<ApiEnv>();

  static async start(names: readonly string[], timing = { startMs: 100, stopMs: 100 }): Promise<FleetWorld> {
    const made = new FleetWorld();
    await made.world.start();
    for (const [at, name] of names.entries()) {
      made.hosts.push(new UnitHost(name, timing));
      const machineID = String(at + 1).repeat(32);
      await made.world.create(node(name, { labels: { 'terrane.dev/systemd': 'true' } }));
      made.#machineIds.set(name, machineID);
    }
    await made.wait(TICK_MS);
    return made;
  }

  readonly #machineIds = new Map<string, string>();

  private constructor() {
    this.app.use('/clusters/:cluster/*', async (c, next) => {
      c.set('requestId', 'r1');
      c.set('principal', { kind: 'person', tenant: TENANT, userId: 'u', email: 'ann@example.com', role: this.role });
      c.set('cluster', { tenant: TENANT, id: CLUSTER, name: CLUSTER });
      await next();
    });
    const fleet = createFleet({
      keyspaces: this.world.deps.keyspaces,
      clock: { now: () => this.world.now },
      newUid: () => this.world.deps.newUid(),
      onWrite: (write) => void this.writes.push(write),
    });
    this.app.route('/clusters/:cluster', fleet);
  }

  /** `path` is below the prefix. */
  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return this.app.request(`/clusters/${CLUSTER}/fleet/v1${path}`, {
      method,
      headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(text !== undefined && { body: text }),
    });
  }

  async raw(method: string, path: string): Promise<Response> {
    return this.app.request(path, { method });
  }

  /** So long hosts and controllers go on. */
  readonly wait = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= TICK_MS) {
      const { world } = this;
      world.now += TICK_MS;
      for (const host of this.hosts) {
        host.step(world.assignment(host.name)?.units ?? [], world.now);
        const machineID = this.#machineIds.get(host.name)!;
        const status = { ...nodeStatus(), nodeInfo: { ...NODE_INFO, machineID } };
        const addresses = [{ type: 'InternalIP', address: `10.0.0.${this.hosts.indexOf(host) + 1}` }];
        await world.inbox.put(
          TENANT,
          CLUSTER,
          heard(host.name, world.now, { node: { ...status, addresses }, units: host.reports() }),
        );
      }
      await world.reconcile();
    }
  };

  /** How often the unit was started, anywhere. */
  starts(unit: string): number {
    return this.hosts.flatMap(({ runs }) => runs).filter((run) => run.unit === unit).length;
  }

  /** Hosts where it runs now. */
  runningOn(unit: string): string[] {
    return this.hosts.filter(({ running }) => running.includes(unit)).map(({ name }) => name);
  }
}

const NODE_INFO = {
  systemUUID: '',
  bootID: '',
  kernelVersion: '6.1',
  osImage: 'Debian',
  containerRuntimeVersion: 'docker://26',
  kubeletVersion: '0.1.0',
  kubeProxyVersion: '0.1.0',
  operatingSystem: 'linux',
  architecture: 'amd64',
};
