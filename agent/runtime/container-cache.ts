import type { Engine } from '../docker/engine.ts';
import { isNotFound } from '../docker/errors.ts';
import type { ContainerSummary } from '../docker/types.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { observedFrom, ownerLabel } from './labels.ts';

/** The agent's own containers as the engine last showed them. */
export interface ContainerCache {
  /** By pod uid. Replaced, not changed, when something differs. */
  byPod(): ReadonlyMap<string, readonly ObservedContainer[]>;
  get(id: string): ObservedContainer | undefined;
  all(): IterableIterator<ObservedContainer>;
  /** Looks at all of them. Cheap: only those whose state differs are inspected. */
  sync(): Promise<void>;
  /** Looks at one. Looks at the same one happen in order. */
  refresh(id: string): Promise<ObservedContainer | undefined>;
  forget(id: string): void;
}

export interface ContainerCacheOptions {
  readonly engine: Engine;
  readonly owner: string;
  /** What a container that ended left in its termination message file. */
  readonly terminationMessage: (container: ObservedContainer) => Promise<string | undefined>;
}

export function containerCache({ engine, owner, terminationMessage }: ContainerCacheOptions): ContainerCache {
  const containers = new Map<string, ObservedContainer>();
  const looking = new Map<string, Promise<ObservedContainer | undefined>>();
  let grouped: Map<string, ObservedContainer[]> | undefined;

  function put(container: ObservedContainer): void {
    containers.set(container.id, container);
    grouped = undefined;
  }

  function forget(id: string): void {
    if (containers.delete(id)) grouped = undefined;
  }

  async function look(id: string): Promise<ObservedContainer | undefined> {
    try {
      const seen = observedFrom(await engine.inspectContainer(id), owner);
      if (!seen) return undefined;
      const message = seen.state === 'exited' && seen.kind !== 'pause' ? await terminationMessage(seen) : undefined;
      const container = message ? { ...seen, message } : seen;
      put(container);
      return container;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      forget(id);
      return undefined;
    }
  }

  function refresh(id: string): Promise<ObservedContainer | undefined> {
    const earlier = looking.get(id) ?? Promise.resolve(undefined);
    const next = earlier.catch(() => undefined).then(() => look(id));
    looking.set(id, next);
    const done = () => {
      if (looking.get(id) === next) looking.delete(id);
    };
    next.then(done, done);
    return next;
  }

  return {
    byPod() {
      if (!grouped) {
        grouped = new Map();
        for (const container of containers.values()) {
          const list = grouped.get(container.podUid);
          if (list) list.push(container);
          else grouped.set(container.podUid, [container]);
        }
      }
      return grouped;
    },
    get: (id) => containers.get(id),
    all: () => containers.values(),
    async sync() {
      const listed = await engine.listContainers(ownerLabel(owner));
      const ids = new Set(listed.map(({ Id }) => Id));
      for (const id of containers.keys()) if (!ids.has(id)) forget(id);
      await Promise.all(listed.filter((one) => differs(containers.get(one.Id), one)).map(({ Id }) => refresh(Id)));
    },
    refresh,
    forget,
  };
}

function differs(known: ObservedContainer | undefined, { State }: ContainerSummary): boolean {
  if (!known) return true;
  const state = State === 'created' ? 'created' : State === 'running' || State === 'paused' ? 'running' : 'exited';
  return known.state !== state;
}
