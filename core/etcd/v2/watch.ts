import type { ChangeEvent, Revision } from '../../keyspace/types.ts';
import { rangeOf } from '../build-requests.ts';
import { EtcdError } from '../errors.ts';
import type { EtcdCaller, EtcdService } from '../service.ts';
import { V2Error } from './errors.ts';
import { goneJson, nodeJson, type V2Event } from './json.ts';
import { ACTION_KEY, type Action, actionOf, EVERYTHING, nodeOf, type StoredNode } from './layout.ts';

export interface V2Watch {
  readonly path: string;
  readonly recursive: boolean;
  /** 0: from now on. */
  readonly since: Revision;
  /** The store's index: errors name it. */
  readonly index: Revision;
}

const COMPACTED = EtcdError.of('compacted').message;
const FUTURE = EtcdError.of('futureRevision').message;

/** Of what was to be watched, something was compacted away: the watch is going to say so. */
export async function isCleared(
  service: Pick<EtcdService, 'call'>,
  { since, index }: Pick<V2Watch, 'since' | 'index'>,
  caller: EtcdCaller,
): Promise<boolean> {
  if (since === 0 || since > index) return false;
  try {
    await service.call('Range', rangeOf(EVERYTHING.key, { revision: since, serializable: true }), caller);
    return false;
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof EtcdError && message === COMPACTED) return true;
    // Whoever was asked isn't that far yet.
    if (error instanceof EtcdError && message === FUTURE) return false;
    throw error;
  }
}

/** What happens to a node, or to those in it, event by event, until the caller is gone. Throws V2Error. */
export async function* watchNodes(
  service: Pick<EtcdService, 'watch'>,
  watch: V2Watch,
  now: () => number,
  caller: EtcdCaller,
): AsyncGenerator<V2Event> {
  const session = service.watch(caller);
  try {
    const request = {
      ...EVERYTHING,
      startRevision: watch.since,
      progressNotify: false,
      filters: [],
      prevKv: true,
      fragment: false,
      watchId: 0,
    };
    session.send({ type: 'create', request });
    for await (const answer of session.answers) {
      if (answer.canceled) throw cancelled(watch, answer);
      for (const [index, events] of byRevision(answer.events ?? [])) yield* eventsOf(watch, index, events, now());
    }
  } finally {
    session.close();
  }
}

function cancelled(
  { since, index }: V2Watch,
  answer: { readonly compactRevision?: Revision; readonly cancelReason?: string },
): V2Error {
  const { compactRevision, cancelReason = 'the watch was cancelled' } = answer;
  if (compactRevision === undefined) return new V2Error('raftInternal', cancelReason, index);
  return new V2Error('eventIndexCleared', `the requested history has been cleared [${compactRevision}/${since}]`, index);
}

/** An answer of the past holds many. */
function byRevision(events: readonly ChangeEvent[]): Map<Revision, ChangeEvent[]> {
  const revisions = new Map<Revision, ChangeEvent[]>();
  for (const event of events) {
    const same = revisions.get(event.kv.modRevision);
    if (same) same.push(event);
    else revisions.set(event.kv.modRevision, [event]);
  }
  return revisions;
}

/** What a revision was to the watch. One that has no action is of a lease that ended. */
function eventsOf(watch: V2Watch, index: Revision, events: readonly ChangeEvent[], now: number): V2Event[] {
  const recorded = events.find(({ type, kv }) => type === 'put' && kv.key === ACTION_KEY);
  if (recorded) {
    const action = actionOf(recorded.kv);
    return action && !action.silent && concerns(watch, action) ? describe(action, index, events, now) : [];
  }
  const expired = events.flatMap(({ type, prev }) => (type === 'delete' && prev ? (nodeOf(prev) ?? []) : []));
  return expired
    .filter(({ path }) => !expired.some((other) => path.startsWith(`${other.path}/`)))
    .map(({ path }): Action => ({ action: 'expire', path }))
    .filter((action) => concerns(watch, action))
    .flatMap((action) => describe(action, index, events, now));
}

function concerns({ path, recursive }: V2Watch, { action, path: changed }: Action): boolean {
  if (changed === path) return true;
  const below = path === '/' ? changed.slice(1) : changed.startsWith(`${path}/`) ? changed.slice(path.length + 1) : undefined;
  if (recursive && below !== undefined) return !below.split('/').some((name) => name.startsWith('_'));
  // With a directory goes whatever is in it.
  return GONE.has(action) && path.startsWith(`${changed}/`);
}

const GONE: ReadonlySet<string> = new Set(['delete', 'expire', 'compareAndDelete']);

function describe({ action, path }: Action, index: Revision, events: readonly ChangeEvent[], now: number): V2Event[] {
  const changes = events.map(({ type, kv, prev }) => ({ type, node: nodeOf(kv), before: prev && nodeOf(prev) }));
  const mine = changes.filter(({ node }) => node?.path === path);
  const before = mine.map((change) => change.before).find((node): node is StoredNode => node !== undefined);
  const prevNode = before && { prevNode: nodeJson(before, now) };
  if (GONE.has(action)) return before ? [{ action, node: goneJson(before, index), ...prevNode }] : [];
  const node = mine.find(({ type }) => type === 'put')?.node;
  return node ? [{ action, node: nodeJson(node, now), ...prevNode }] : [];
}
