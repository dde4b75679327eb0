import { allControllers } from '../../core/controllers/all.ts';
import { type Limits, type Outcome, runControllers } from '../../core/controllers/fixpoint.ts';
import { tellProblems } from '../../core/controllers/problems.ts';
import { heartbeatsOf } from '../../core/node/heartbeats-of.ts';
import { clusterState, type FollowingState } from '../../core/controllers/state.ts';
import { memoryKeyspace } from '../../core/keyspace/memory.ts';
import type { InboxItem } from '../../core/ports/inbox.ts';
import { kindByName } from '../../core/resources/kinds/index.ts';
import { bootstrapCluster } from '../../core/resources/namespaces.ts';
import type { AnyResource, KindMap, KindName } from '../../core/resources/schema/kinds.ts';
import type { Event } from '../../core/resources/schema/event.ts';
import type { Pod, PodStatus } from '../../core/resources/schema/pod.ts';
import {
  createResource,
  type DeleteOptions,
  deleteResource,
  updateResource,
  type WriteContext,
} from '../../core/resources/write.ts';
import { T0 } from './builders.ts';

/** A cluster's registry in memory with its controllers, and time that the test moves. */
export class TestCluster {
  readonly keyspace = memoryKeyspace();
  now = T0;
  /** What hosts reported last. */
  inbox: InboxItem[] = [];
  #uids = 0;

  /** With its system namespaces and these objects. */
  static async with(...objects: readonly { kind: string }[]): Promise<TestCluster> {
    const cluster = new TestCluster();
    await cluster.keyspace.transact((txn) => bootstrapCluster(txn, cluster.ctx()));
    for (const object of objects) await cluster.create(object);
    return cluster;
  }

  ctx(): WriteContext {
    return { now: this.now, newUid: () => `made-${++this.#uids}` };
  }

  get state(): FollowingState {
    return clusterState(this.keyspace.view(), this.#hearing());
  }

  #hearing() {
    return { heartbeats: heartbeatsOf(this.inbox, this.now), heardAsOf: this.keyspace.view().revision };
  }

  async create(object: { kind: string; metadata?: object }): Promise<void> {
    const { metadata, ...rest } = object;
    const { uid: _u, resourceVersion: _v, creationTimestamp: _c, ...given } = (metadata ?? {}) as Record<string, unknown>;
    await this.keyspace.transact((txn) => createResource(txn, object.kind as KindName, { ...rest, metadata: given }, this.ctx()));
    // A pod's first status is the server's; tests may want another.
    if (object.kind === 'Pod')
      await this.setStatus('Pod', String(given['name']), (object as Pod).status ?? {}, String(given['namespace']));
  }

  /** Replaces the stored object by what `change` makes of a copy of it. */
  async edit<K extends KindName>(
    kind: K,
    name: string,
    change: (object: KindMap[K]) => void,
    namespace = 'default',
  ): Promise<void> {
    const next = structuredClone(this.get(kind, name, namespace));
    change(next);
    await this.keyspace.transact((txn) => updateResource(txn, next as AnyResource, this.ctx()));
  }

  async setStatus(kind: KindName, name: string, status: PodStatus | object, namespace = 'default'): Promise<void> {
    const next = { ...structuredClone(this.get(kind, name, namespace)), status } as AnyResource;
    await this.keyspace.transact((txn) => updateResource(txn, next, this.ctx(), { subresource: 'status' }));
  }

  async delete(kind: KindName, name: string, options: DeleteOptions = {}, namespace = 'default'): Promise<void> {
    const home = isClusterScoped(kind) ? '' : namespace;
    await this.keyspace.transact((txn) => void deleteResource(txn, kind, home, name, options, this.ctx()));
  }

  /** Throws if there is no such object. */
  get<K extends KindName>(kind: K, name: string, namespace = 'default'): KindMap[K] {
    const found = this.state.get(kind, isClusterScoped(kind) ? '' : namespace, name);
    if (!found) throw new Error(`no ${kind} ${name}`);
    return found;
  }

  list<K extends KindName>(kind: K): readonly KindMap[K][] {
    return this.state.list(kind);
  }

  get pods(): readonly Pod[] {
    return this.list('Pod');
  }

  events(reason: string): Event[] {
    return this.list('Event').filter((event) => event.reason === reason);
  }

  /** One run of all controllers, committed. */
  async settle(limits: Limits = {}): Promise<Outcome> {
    const controllers = allControllers(this.inbox);
    const hearing = this.#hearing();
    const ctx = this.ctx();
    const { result } = await this.keyspace.transact((txn) => {
      const outcome = runControllers(txn, hearing, controllers, ctx, limits);
      tellProblems(outcome.overlay, outcome.problems, ctx);
      outcome.overlay.writeTo(txn);
      return outcome;
    });
    return result;
  }

  /** Gives every pod on a node this status, as its host would report it. */
  async setPods(status: (pod: Pod) => PodStatus): Promise<void> {
    const pods = this.pods.filter((pod) => pod.spec.nodeName && !pod.metadata.deletionTimestamp);
    const next = pods.map((pod) => ({ ...pod, status: this.#timed(pod, status(pod)) }));
    await this.keyspace.transact((txn) => {
      for (const pod of next) updateResource(txn, pod, this.ctx(), { subresource: 'status' });
    });
  }

  /** Conditions that moved did so now. */
  #timed(pod: Pod, status: PodStatus): PodStatus {
    const conditions = (status.conditions ?? []).map((condition) => {
      const before = pod.status?.conditions?.find(({ type }) => type === condition.type);
      const stays = before?.status === condition.status && before.lastTransitionTime;
      return { ...condition, lastTransitionTime: stays ? before.lastTransitionTime : new Date(this.now).toISOString() };
    });
    return { ...status, conditions };
  }

  /** Hosts confirm that terminating pods have ended. */
  async finishDeletions(): Promise<void> {
    const ending = this.pods.filter(({ metadata }) => metadata.deletionTimestamp);
    await this.keyspace.transact((txn) => {
      for (const { metadata } of ending)
        deleteResource(txn, 'Pod', metadata.namespace ?? '', metadata.name, { gracePeriodSeconds: 0 }, this.ctx());
    });
  }
}

function isClusterScoped(kind: KindName): boolean {
  return !kindByName(kind).namespaced;
}
