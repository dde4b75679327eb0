import { settingsOf } from '../../core/controllers/settings.ts';
import { clusterState, type FollowingState } from '../../core/controllers/state.ts';
import { memoryKeyspace } from '../../core/keyspace/memory.ts';
import type { Keyspace, TxnView } from '../../core/keyspace/types.ts';
import { assignmentOf } from '../../core/node/assignment-of.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { bootstrapCluster } from '../../core/resources/namespaces.ts';
import type { KindMap, KindName } from '../../core/resources/schema/kinds.ts';
import { createResource, deleteResource, updateResource, type WriteContext } from '../../core/resources/write.ts';
import { reconcileCluster, type Reconciled, type ReconcileDeps } from '../../functions/reconcile/reconcile.ts';
import { memoryInbox } from '../../store/inbox-memory.ts';
import { T0 } from './builders.ts';

export const TENANT = 'acme';
export const CLUSTER = 'prod';

/** What reconcile needs, in memory: one cluster, time moved by hand, and a record of who was told. */
export class ReconcileWorld {
  readonly keyspace: Keyspace;
  readonly inbox = memoryInbox();
  now = T0;
  /** Node names of each hint, in order. */
  readonly hints: (readonly string[])[] = [];
  readonly deps: ReconcileDeps;
  #uids = 0;

  /** `keyspace`: one that is there already. */
  constructor(overrides: Partial<ReconcileDeps> = {}, keyspace: Keyspace = memoryKeyspace()) {
    this.keyspace = keyspace;
    this.deps = {
      keyspaces: { open: async () => this.keyspace },
      inbox: this.inbox,
      notifier: { notify: async (_tenant, _cluster, names) => void this.hints.push(names) },
      clock: { now: () => this.now },
      logger: silentLogger,
      newUid: () => `made-${++this.#uids}`,
      told: new Map(),
      ...overrides,
    };
  }

  static async with(...objects: readonly { kind: string; metadata?: object }[]): Promise<ReconcileWorld> {
    const world = new ReconcileWorld();
    await world.start();
    for (const object of objects) await world.create(object);
    return world;
  }

  async start(): Promise<void> {
    await this.keyspace.transact((txn) => bootstrapCluster(txn, this.ctx()));
  }

  ctx(): WriteContext {
    return { now: this.now, newUid: () => this.deps.newUid() };
  }

  get state(): FollowingState {
    return clusterState(this.keyspace.view());
  }

  get revision(): number {
    return this.keyspace.view().revision;
  }

  reconcile(): Promise<Reconciled> {
    return reconcileCluster(this.deps, TENANT, CLUSTER);
  }

  /** As a person does it. */
  async write(evaluate: (txn: TxnView, ctx: WriteContext) => void): Promise<void> {
    await this.keyspace.transact((txn) => evaluate(txn, this.ctx()));
  }

  async create(object: { kind: string; metadata?: object }): Promise<void> {
    const {
      uid: _u,
      resourceVersion: _v,
      creationTimestamp: _c,
      ...metadata
    } = (object.metadata ?? {}) as Record<string, unknown>;
    await this.write((txn, ctx) => createResource(txn, object.kind as KindName, { ...object, metadata }, ctx));
  }

  async edit<K extends KindName>(
    kind: K,
    name: string,
    change: (object: KindMap[K]) => void,
    namespace = 'default',
  ): Promise<void> {
    await this.write((txn, ctx) => {
      const next = structuredClone(clusterState(txn).get(kind, namespace, name)!);
      change(next);
      updateResource(txn, next, ctx);
    });
  }

  async remove(kind: KindName, name: string, namespace = 'default'): Promise<void> {
    await this.write((txn, ctx) => deleteResource(txn, kind, namespace, name, {}, ctx));
  }

  assignment(nodeName: string): Assignment | undefined {
    const { state } = this;
    return assignmentOf(state, CLUSTER, nodeName, settingsOf(state));
  }
}
