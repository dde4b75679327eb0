import { isFenced } from '../../core/node/fencing.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import type { ContainerCache } from '../runtime/container-cache.ts';
import type { FenceGuard } from './fence-guard.ts';

/** Which containers of this host are fenced and run, for all that is known: what the fence guard has to end. */
export interface FencedContainers {
  /** Starts one by `start`, once the guard knows of it. */
  during<T>(id: string, start: () => Promise<T>): Promise<T>;
  /** Their ids; undefined: no engine has been asked yet. */
  readonly ids: () => readonly string[] | undefined;
  /** The engine has shown all that it has. */
  looked(): void;
}

export interface FencedContainersOptions {
  readonly cache: Pick<ContainerCache, 'all' | 'get' | 'refresh'>;
  readonly guard: () => Pick<FenceGuard, 'during'>;
  readonly pod: (uid: string) => Pod | undefined;
}

export function fencedContainers({ cache, guard, pod }: FencedContainersOptions): FencedContainers {
  /** What the engine made of their start is not known: it hangs, and may start them yet. */
  const doubtful = new Set<string>();
  let known = false;
  return {
    during: (id, start) =>
      guard().during({ containers: [id] }, async () => {
        try {
          return await start();
        } finally {
          await cache.refresh(id).catch(() => void doubtful.add(id));
        }
      }),
    ids() {
      if (!known) return undefined;
      for (const id of doubtful) if (cache.get(id)) doubtful.delete(id);
      const fenced = [...cache.all()].filter(({ kind, state, podUid }) => {
        const of = kind === 'pause' || state === 'exited' ? undefined : pod(podUid);
        return of && isFenced(of);
      });
      return [...fenced.map(({ id }) => id), ...doubtful];
    },
    looked() {
      known = true;
      doubtful.clear();
    },
  };
}
