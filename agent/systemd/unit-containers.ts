import type { UnitReport } from '../../core/node/assigned-unit.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import type { Engine } from '../docker/engine.ts';
import { isNotFound, messageOf } from '../docker/errors.ts';
import type { EventInput } from '../event-log.ts';
import type { ContainerDetails } from '../docker/types.ts';
import type { KnownContainers } from './known-containers.ts';
import { containerMakers, ONE_OF_THEM } from './container-makers.ts';
import { type DockerClient, dockerClients } from './docker-clients.ts';

/**
 * Containers that fenced units have started by `docker run`: they are the engine's children, not the unit's, so that killing the unit leaves them
 * running. Here they are found, so that the fence guard ends them with the lease, and a unit that leaves the host doesn't count as gone before they have.
 */
export interface UnitContainers {
  /** Ids of those that run; undefined: nobody has looked yet. */
  ids(): readonly string[] | undefined;
  /** Other units may be fenced. */
  look(): void;
  /** The reports, without `gone` of units whose containers run on; those are stopped. */
  settled(reports: readonly UnitReport[]): readonly UnitReport[];
}

export interface UnitContainersOptions {
  readonly engine: Pick<Engine, 'containerEvents' | 'runningContainers' | 'inspectContainer' | 'stopContainer'>;
  /** Fenced units of which the host has a file; undefined: nobody has looked yet. */
  readonly fenced: () => readonly string[] | undefined;
  /** Ids of what the fence guard was told of by an agent before this one: who has started it may be gone. */
  readonly before: readonly string[];
  readonly known: KnownContainers;
  readonly onChange: () => void;
  readonly log: Logger;
  readonly events: { add(event: EventInput): void };
  readonly signal: AbortSignal;
  readonly proc?: string;
}

interface Found {
  /** Or `one of them`, for which no unit waits. */
  readonly unit: string;
  readonly name: string;
  /** Asked for, or tried in vain not long ago. */
  stopping?: boolean;
  told?: boolean;
}

/** The label of containers that are the agent's own: those of pods. */
const OWNER = 'terrane.dev/owner';
const RETRY_MS_FIRST = 500;
const RETRY_MS_MAX = 15_000;
const STOP_AGAIN_MS = 5_000;
const STOP_SECONDS = 10;

export function unitContainers(options: UnitContainersOptions): UnitContainers {
  const { engine, fenced, log, events, signal, proc } = options;
  /** Those that run, by id, for all that was seen last: while the engine or this agent is on its way down, they may run on. */
  const running = new Map<string, Found>(options.known.before.map(({ id, unit, name }) => [id, { unit, name }]));
  const before = new Set(options.before);
  const makers = containerMakers();
  let looked = false;
  let watching: AbortController | undefined;

  /** Is there anything to look for? Whoever has nothing fenced pays for no connection. */
  const isNeeded = () => !signal.aborted && ((fenced() ?? []).length > 0 || running.size > 0);

  function look(): void {
    if (!isNeeded()) return watching?.abort();
    if (watching) return;
    watching = new AbortController();
    void watch(watching).finally(() => {
      watching = undefined;
      if (isNeeded()) look();
    });
  }

  function changed(): void {
    const failed = (error: unknown) =>
      log.warn('the containers of fenced units could not be written down', { reason: messageOf(error) });
    options.known.save(Array.from(running, ([id, { unit, name }]) => ({ id, unit, name }))).catch(failed);
    options.onChange();
  }

  async function watch(unneeded: AbortController): Promise<void> {
    let failures = 0;
    while (!unneeded.signal.aborted && isNeeded()) {
      const over = new AbortController();
      try {
        // The list may be made before the engine has begun to tell: what came between would be in neither.
        const since = String(Math.floor(Date.now() / 1000));
        const stream = engine.containerEvents(since, AbortSignal.any([signal, unneeded.signal, over.signal]));
        const first = stream.next();
        first.catch(() => undefined);
        const all = await engine.runningContainers();
        const theirs = all.filter(({ Labels }) => Labels?.[OWNER] === undefined);
        await considerAll(theirs.map(({ Id }) => Id));
        for (const id of running.keys()) if (!all.some(({ Id }) => Id === id)) running.delete(id);
        looked = true;
        failures = 0;
        changed();
        for (let next = await first; !next.done; next = await stream.next()) {
          const { Action, Actor } = next.value;
          if (Actor.Attributes[OWNER] !== undefined) continue;
          // At its creation whoever asked for it is still there to be seen.
          if (Action === 'create' || Action === 'start') await consider(Actor.ID, Action === 'start');
          else {
            if (Action === 'destroy') makers.forget(Actor.ID);
            if (running.delete(Actor.ID)) changed();
          }
        }
      } catch {
        // That the engine is away is told by who looks after its containers.
      } finally {
        over.abort();
      }
      const retryMs = Math.min(RETRY_MS_FIRST * 2 ** failures++, RETRY_MS_MAX);
      await abortableDelay(retryMs, AbortSignal.any([signal, unneeded.signal]));
    }
  }

  async function considerAll(ids: readonly string[]): Promise<void> {
    makers.keep(new Set(ids));
    if (ids.length === 0) return;
    const clients = await dockerClients(new Set(fenced()), proc);
    const all: ContainerDetails[] = [];
    for (const id of ids) all.push(...(await inspected(id)));
    // In the order in which they were made: of a command's, and what looks like it, the first one is its.
    all.sort((a, b) => Date.parse(a.Created) - Date.parse(b.Created));
    for (const container of all) take(container, clients, true);
  }

  async function consider(id: string, started: boolean): Promise<void> {
    if (running.has(id)) return;
    const [clients, containers] = await Promise.all([dockerClients(new Set(fenced()), proc), inspected(id)]);
    for (const container of containers) take(container, clients, started);
  }

  /** None, if it is gone. */
  async function inspected(id: string): Promise<ContainerDetails[]> {
    try {
      return [await engine.inspectContainer(id)];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  function take(container: ContainerDetails, clients: readonly DockerClient[], started: boolean): void {
    const { Id, Name } = container;
    const known = running.get(Id)?.unit ?? (before.has(Id) ? ONE_OF_THEM : undefined);
    const unit = makers.unitOf(container, clients, new Set(fenced()), known);
    if (unit === undefined || running.has(Id)) return;
    running.set(Id, { unit, name: Name.replace(/^\//, '') });
    if (!started) log.info('a fenced unit runs a container: it ends with the lease', { unit, container: Name });
    changed();
  }

  async function stop(id: string, found: Found, uid: string): Promise<void> {
    const { unit, name } = found;
    found.stopping = true;
    const message = `Unit ${unit} has stopped, but its container ${name} has not: it is stopped, too. With --name, and ExecStop=/usr/bin/docker stop NAME, it stops in time.`;
    if (!found.told) events.add({ type: 'Warning', reason: 'ContainerOutlivesUnit', message, unit: { name: unit, uid } });
    found.told = true;
    try {
      await engine.stopContainer(id, STOP_SECONDS);
      running.delete(id);
    } catch (error) {
      if (isNotFound(error)) running.delete(id);
      else {
        const fields = { unit, container: name, reason: messageOf(error) };
        log.warn('a container of a unit that has stopped could not be stopped', fields);
        await abortableDelay(STOP_AGAIN_MS, signal);
        found.stopping = false;
      }
    }
    changed();
  }

  look();

  return {
    ids: () => (looked || fenced()?.length === 0 ? [...running.keys()] : undefined),
    look,
    settled: (reports) =>
      reports.map((report) => {
        if (!report.gone) return report;
        const left = [...running].filter(([, { unit }]) => unit === report.name);
        for (const [id, found] of left) if (!found.stopping) void stop(id, found, report.uid);
        const { gone: _, ...rest } = report;
        return left.length === 0 ? report : rest;
      }),
  };
}
