import { type DockerClient, isStart, type LookedAt, makersOf, UNIT_LABEL } from './docker-clients.ts';

/** Tells whose each container is, one after the other in the order in which they were made. */
export interface ContainerMakers {
  /**
   * The fenced unit that has made it, or is starting it; `one of them`: a fenced unit has, and which is not to be told; undefined: somebody else has, or may have.
   * To be asked when it is made and when it starts. `known`: what an agent before this one knew of it.
   */
  unitOf(container: LookedAt, clients: readonly DockerClient[], units: ReadonlySet<string>, known?: string): string | undefined;
  /** There is no such container any more. */
  forget(id: string): void;
  /** Nor any of others' but these. What units have made may be about to be started again by the engine. */
  keep(ids: ReadonlySet<string>): void;
}

export const ONE_OF_THEM = 'one of them';

/** Others' commands wait that a container could be of as well; or those of several units. */
type Doubt = 'others' | 'units';

export function containerMakers(): ContainerMakers {
  /**
   * Commands that have made their container: each makes one, and may run for as long as that does, so that what else looks like it later, and was made by
   * somebody who isn't seen (compose, a `docker run -d` that has ended), is not its.
   */
  const done = new Set<string>();
  const doubts = new Map<string, Doubt>();
  /** What was told of each before: the engine starts some again by itself. */
  const told = new Map<string, string | undefined>();

  function find(container: LookedAt, clients: readonly DockerClient[], again: boolean): string | undefined {
    const makers = makersOf(
      container,
      clients.filter((client) => !done.has(client.id) && (!again || isStart(client))),
    );
    const [maker] = makers.toSorted((a, b) => a.since - b.since);
    if (!maker) return undefined;
    const owners = new Set(makers.map(({ unit }) => unit));
    const doubt: Doubt | undefined = owners.size === 1 ? undefined : owners.has(undefined) ? 'others' : 'units';
    if (doubt) for (const { id } of makers) if (doubts.get(id) !== 'others') doubts.set(id, doubt);
    if (!isStart(maker)) done.add(maker.id);
    if (doubts.get(maker.id) === 'others') return undefined;
    return doubts.has(maker.id) ? ONE_OF_THEM : maker.unit;
  }

  return {
    unitOf(container, clients, units, known) {
      for (const some of [done, doubts])
        for (const id of some.keys()) if (!clients.some((client) => client.id === id)) some.delete(id);
      const label = container.Config.Labels?.[UNIT_LABEL];
      if (label !== undefined) return units.has(label) ? label : undefined;
      const { Id } = container;
      const before = told.get(Id) ?? known;
      const unit =
        find(container, clients, told.has(Id)) ?? (before === ONE_OF_THEM || units.has(before ?? '') ? before : undefined);
      told.set(Id, unit);
      return unit;
    },
    forget: (id) => void told.delete(id),
    keep(ids) {
      for (const [id, unit] of told) if (unit === undefined && !ids.has(id)) told.delete(id);
    },
  };
}
