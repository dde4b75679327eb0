import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { UnitReport } from '../../core/node/assigned-unit.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { DockerError } from '../docker/errors.ts';
import type { EngineEvent } from '../docker/types.ts';
import type { EventInput } from '../event-log.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { KnownContainer } from './known-containers.ts';
import { type UnitContainers, unitContainers } from './unit-containers.ts';

/** An engine with containers that say which unit they belong to. */
let running: Map<string, string>;
let stopped: string[];
let events: EventInput[];
let fenced: string[];
let over: AbortController;
let listening: boolean;
let toldSince: number;
let listedAt: number;
let down: boolean;
let happen: (event: Partial<EngineEvent>) => void;
let containers: UnitContainers;
let saved: readonly KnownContainer[];

beforeEach(() => {
  running = new Map();
  stopped = [];
  events = [];
  fenced = [];
  down = false;
  over = new AbortController();
  saved = [];
  containers = watched();
});

/** By an agent; another one may have known of some of them. */
function watched(before: readonly KnownContainer[] = []): UnitContainers {
  return unitContainers({
    engine: {
      async *containerEvents(since, signal) {
        toldSince = Number(since);
        listening = true;
        const queue: EngineEvent[] = [];
        let wake = () => {};
        happen = (event) => {
          queue.push(event as EngineEvent);
          wake();
        };
        signal.addEventListener('abort', () => wake());
        while (!signal.aborted) {
          const next = queue.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
        listening = false;
        throw signal.reason;
      },
      runningContainers: async () => {
        listedAt = Date.now();
        if (down) throw new Error('the engine is away');
        return [...running.keys()].map((Id) => ({ Id, Names: [], Image: '', ImageID: '', State: 'running', Labels: {} }));
      },
      inspectContainer: async (id) =>
        ({
          Id: id,
          Name: `/${id}`,
          Created: '2026-01-01T00:00:00Z',
          Config: { Image: 'a', Labels: { 'terrane.dev/unit': running.get(id) } },
        }) as never,
      async stopContainer(id) {
        if (!running.has(id)) throw new DockerError(404, 'there is no such container');
        stopped.push(id);
        running.delete(id);
      },
    },
    fenced: () => fenced,
    before: [],
    known: { before, save: async (all) => void (saved = all) },
    onChange() {},
    log: silentLogger,
    events: { add: (event) => void events.push(event) },
    signal: over.signal,
    // No processes here.
    proc: import.meta.dirname,
  });
}
afterEach(() => over.abort());

const known = (...ids: string[]) => eventually('they are known', async () => expect(containers.ids()).toEqual(ids));
const report = (name: string, more: Partial<UnitReport> = {}) => ({ name, uid: 'u1', ...more }) as UnitReport;

test('a host without fenced units has none, and asks no engine', async () => {
  containers.look();
  expect(containers.ids()).toEqual([]);
  fenced = ['db.service'];
  expect(containers.ids()).toBe(undefined);
});

test('those that run, and those that come, are known until they end; others’ never', async () => {
  running.set('c1', 'db.service').set('c2', 'other.service');
  fenced = ['db.service'];
  containers.look();
  await known('c1');
  running.set('c3', 'db.service');
  happen({ Action: 'create', Actor: { ID: 'c3', Attributes: {} } });
  await known('c1', 'c3');
  happen({ Action: 'die', Actor: { ID: 'c1', Attributes: {} } });
  await known('c3');
});

test('what comes between the list of what runs and the first word of the engine is told of, too', async () => {
  running.set('c1', 'db.service');
  fenced = ['db.service'];
  containers.look();
  await known('c1');
  expect(toldSince * 1000).toBeLessThanOrEqual(listedAt);
  expect(toldSince).toBeGreaterThan(0);
  // Told again, it is none but what it was.
  happen({ Action: 'create', Actor: { ID: 'c1', Attributes: {} } });
  running.set('c2', 'db.service');
  happen({ Action: 'start', Actor: { ID: 'c2', Attributes: {} } });
  await known('c1', 'c2');
});

test('they stay known while the agent is on its way down: the guard is told of them to the last', async () => {
  running.set('c1', 'db.service');
  fenced = ['db.service'];
  containers.look();
  await known('c1');
  over.abort();
  await eventually('it has stopped listening', async () => expect(listening).toBe(false));
  expect(containers.ids()).toEqual(['c1']);
});

test('a unit is not gone before its container is, which is stopped once', async () => {
  running.set('c1', 'db.service');
  fenced = ['db.service'];
  containers.look();
  await known('c1');
  fenced = [];
  const gone = [report('db.service', { gone: true }), report('web.service', { gone: true })];
  for (let look = 0; look < 2; look++)
    expect(containers.settled(gone)).toEqual([report('db.service'), report('web.service', { gone: true })]);
  await known();
  expect(stopped).toEqual(['c1']);
  expect(events).toMatchObject([{ reason: 'ContainerOutlivesUnit', unit: { name: 'db.service', uid: 'u1' } }]);
  expect(containers.settled(gone)).toEqual(gone);
});

test('an agent that is started anew goes on where the one before was: a unit that is on its way out is not gone before its container is', async () => {
  running.set('c1', 'db.service');
  fenced = ['db.service'];
  containers.look();
  await eventually('it is written down', async () => expect(saved).toEqual([{ id: 'c1', unit: 'db.service', name: 'c1' }]));
  over.abort();
  over = new AbortController();
  // Neither the unit's file is there any more, nor does the engine list anything just now.
  fenced = [];
  down = true;
  containers = watched([...saved, { id: 'c0', unit: 'web.service', name: 'c0' }]);
  expect(containers.ids()).toEqual(['c1', 'c0']);
  const gone = [report('db.service', { gone: true }), report('web.service', { gone: true })];
  expect(containers.settled(gone)).toEqual([report('db.service'), report('web.service')]);
  await eventually('the one is stopped, and the other has ended meanwhile', async () => {
    expect(containers.settled(gone)).toEqual(gone);
    expect(stopped).toEqual(['c1']);
  });
  expect(saved).toEqual([]);
});
