import { CompactedError } from '../../../../core/keyspace/errors.ts';
import type { ChangeEvent, ReadView, RevisionEvents } from '../../../../core/keyspace/types.ts';
import { decodeResource, prefixEnd, resourcePrefix } from '../../../../core/resources/codec.ts';
import { type Filter, filterOf } from '../../../../core/resources/filter.ts';
import { apiVersionOf } from '../../../../core/resources/kinds/index.ts';
import type { AnyResource } from '../../../../core/resources/schema/kinds.ts';
import { StatusError } from '../../../../core/resources/status.ts';
import { partialMetadata, toTable } from '../../../../core/resources/table.ts';
import { listResources } from '../../../../core/resources/write.ts';
import { negotiate } from '../accept.ts';
import type { KubeRequest } from '../deps.ts';
import { booleanQuery, integerQuery } from '../query.ts';
import { includeObject } from '../respond.ts';
import { lineStream } from '../stream.ts';
import { futureVersion, revisionQuery } from './read.ts';

/** How long a watch stays open if the client doesn't say. Clients then watch again from where they were. */
const DEFAULT_TIMEOUT_SECONDS = 30 * 60;
/** A sign of life for proxies and, to clients that asked for bookmarks, how far they have come. */
const BOOKMARK_SECONDS = 30;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** All kinds, not only the watched one: then the last revision seen is known exactly, and a bookmark never skips a change. */
const REGISTRY = { from: '/registry/', to: prefixEnd('/registry/') };

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';
type Encode = (type: EventType, object: AnyResource) => string;

/**
 * Streams changes as lines of JSON, one event each. From resourceVersion N: everything after N. Without one (or 0): first the state,
 * as ADDED events. `sendInitialEvents=true`: the state, then a bookmark that says it is complete, then the changes.
 */
export async function watch(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const filter = filterOf(target.definition, c.req.query('labelSelector'), c.req.query('fieldSelector'));
  const encode = encoder(request);
  const plan = await startingPoint(request);
  const seconds = integerQuery(request, 'timeoutSeconds', 1) ?? DEFAULT_TIMEOUT_SECONDS;
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, c.req.raw.signal, ...(deps.shutdown ? [deps.shutdown] : [])]);
  const bookmarks = booleanQuery(request, 'allowWatchBookmarks');
  const bookmark = (revision: number, annotations?: Record<string, string>) => bookmarkLine(request, revision, annotations);
  const prefix = resourcePrefix(target.definition.group, target.definition.plural, target.namespace);
  const mine = { from: prefix, to: prefixEnd(prefix) };

  async function* lines(): AsyncGenerator<string> {
    if (plan.state) {
      for (const object of listResources(plan.state, target.definition.kind, target.namespace))
        if (filter(object)) yield encode('ADDED', object);
      if (plan.announceEnd) yield bookmark(plan.after, { [INITIAL_EVENTS_END]: 'true' });
    }
    let seen = plan.after;
    try {
      const changes = keyspace.watch(REGISTRY, plan.after + 1, signal);
      let next = changes.next();
      for (;;) {
        const step = await orIdle(next, BOOKMARK_SECONDS * 1000);
        if (step === 'idle') {
          yield bookmarks ? bookmark(seen) : '\n';
          continue;
        }
        if (step.done) return;
        seen = step.value.revision;
        next = changes.next();
        yield* encodeRevision(step.value, mine, filter, encode);
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      const status = new StatusError('Expired', `too old resource version: ${plan.after} (${error.compactRevision})`).status;
      yield line('ERROR', status);
    }
  }

  return new Response(lineStream(lines(), { end, seconds, onError: (error) => deps.onError?.(error, c.var.requestId) }), {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private', 'x-accel-buffering': 'no' },
  });
}

interface StartingPoint {
  /** Changes after this revision follow. */
  readonly after: number;
  /** The state to begin with, if any. */
  readonly state?: ReadView;
  readonly announceEnd?: boolean;
}

async function startingPoint(request: KubeRequest): Promise<StartingPoint> {
  const { c, keyspace } = request;
  const version = revisionQuery(request);
  const initial = c.req.query('sendInitialEvents') === undefined ? undefined : booleanQuery(request, 'sendInitialEvents');
  const match = c.req.query('resourceVersionMatch');
  if (initial !== undefined && match !== 'NotOlderThan')
    throw matchError('sendInitialEvents needs resourceVersionMatch=NotOlderThan');
  if (initial === undefined && match !== undefined)
    throw matchError('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  const state = version === 0 && initial === undefined ? keyspace.view() : await keyspace.sync();
  if (version !== undefined && version > state.revision) throw futureVersion(version, state.revision);
  if (initial === true) return { after: state.revision, state, announceEnd: true };
  if (initial === false) return { after: version || state.revision };
  return version ? { after: version } : { after: state.revision, state };
}

function matchError(message: string): StatusError {
  return new StatusError('Invalid', `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ${message}`);
}

/** A change as this watcher's selectors see it: an object that leaves the selection is deleted, one that enters it is added. */
function* encodeRevision(
  { revision, events }: RevisionEvents,
  range: { from: string; to: string },
  filter: Filter,
  encode: Encode,
): Generator<string> {
  for (const event of events) {
    if (event.kv.key < range.from || event.kv.key >= range.to) continue;
    const before = previous(event, revision);
    const wasIn = before !== undefined && filter(before);
    const after = event.type === 'put' ? decodeResource(event.kv) : undefined;
    const isIn = after !== undefined && filter(after);
    if (isIn) yield encode(wasIn ? 'MODIFIED' : 'ADDED', after);
    else if (wasIn) yield encode('DELETED', before);
  }
}

/** The old object, with the revision of its change: that is where a watch goes on from. */
function previous({ prev }: ChangeEvent, revision: number): AnyResource | undefined {
  if (!prev) return undefined;
  const object = decodeResource(prev);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } } as AnyResource;
}

function encoder(request: KubeRequest): Encode {
  const { c, target, deps } = request;
  const wanted = negotiate(c.req.header('accept'));
  if (wanted.as === 'object') return line;
  if (wanted.as === 'metadata') return (type, object) => line(type, partialMetadata(object, wanted.metaVersion));
  const include = includeObject(request);
  let withColumns = true;
  return (type, object) => {
    const { resourceVersion } = object.metadata;
    const options = { nowMs: deps.clock.now(), resourceVersion, apiVersion: wanted.metaVersion, withColumns, ...include };
    withColumns = false;
    return line(type, toTable(target.definition, [object], options));
  };
}

function bookmarkLine({ target }: KubeRequest, revision: number, annotations?: Record<string, string>): string {
  const { definition } = target;
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(annotations && { annotations }) };
  return line('BOOKMARK', { kind: definition.kind, apiVersion: apiVersionOf(definition), metadata });
}

function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

async function orIdle<T>(promise: Promise<T>, milliseconds: number): Promise<T | 'idle'> {
  let timer: NodeJS.Timeout | undefined;
  const idle = new Promise<'idle'>((resolve) => {
    timer = setTimeout(() => resolve('idle'), milliseconds);
  });
  try {
    return await Promise.race([promise, idle]);
  } finally {
    clearTimeout(timer);
  }
}
