import { type Context, Hono } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { REVISION_HEADER } from '../../core/node/assignment.ts';
import { renewsLease } from '../../core/node/fencing.ts';
import { joinRequestSchema } from '../../core/node/join.ts';
import { STREAM_STATUS_HEADER } from '../../core/node/push.ts';
import { type ReportAnswer, reportSchema } from '../../core/node/report.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import type { Inbox, InboxItem, Kept } from '../../core/ports/inbox.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { StreamSink } from '../../core/ports/stream-relay.ts';
import { getResource } from '../../core/resources/write.ts';
import type { DataKeys } from '../../core/secrets/data-key.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';
import { ReportTooLargeError } from '../../store/inbox.ts';
import { errorResponse, onError } from '../on-error.ts';
import { parseJson, readBytes } from '../read-body.ts';
import { assignments } from './assignments.ts';
import { compressedJson } from './compressed-json.ts';
import { createNodeKv, type NodeKvDeps } from './kv/create-kv.ts';
import { createNodeUpdates, type NodeUpdatesDeps } from './updates.ts';
import { principalOf, type ReceivedBody, SERVER_TIME_HEADER, verifyHost, verifyWithKey } from './host-auth.ts';

export interface NodeApiDeps {
  readonly accounts: Pick<Accounts, 'hostOfKey' | 'join' | 'countRequest'>;
  readonly keyspaces: Keyspaces;
  /** For the Secrets in assignments. */
  readonly dataKeys: DataKeys;
  /** Whose images hosts pull; without it they bring their own credentials. */
  readonly images?: Pick<ImageRegistry, 'prefix' | 'credentials'>;
  readonly inbox: Inbox;
  readonly streams: StreamSink;
  /** Hosts may use their cluster's key-value store. */
  readonly kv?: Omit<NodeKvDeps, 'clock'>;
  /** Hosts may be updated by their agents. */
  readonly updates?: Pick<NodeUpdatesDeps, 'instances' | 'ticketKey' | 'newUid'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clientIp: (c: Context) => string | undefined;
  /** A report arrived: wake the reconciler of that cluster. */
  readonly onReport: (tenant: string, cluster: string) => void | Promise<void>;
}

const JOIN_LIMIT_BYTES = 16 * 1024;
const PART_LIMIT_BYTES = 384 * 1024;
const REPORT_LIMIT_BYTES = 4 * 1024 * 1024;

/** /node/v1/*: what hosts may ask. Every request is signed with the host's key; a host reaches its own things only. */
export function createNode(deps: NodeApiDeps): Hono {
  const { accounts, clock, inbox, keyspaces } = deps;
  const app = new Hono().basePath('/node/v1');
  const handleError = onError(deps);
  /** The host that signed the request, which is counted. */
  const hostOf = async (request: Request, body: ReceivedBody, ageMsMax?: number) => {
    const host = await verifyHost(deps, request, body, { ageMsMax });
    accounts.countRequest(host.tenant, 'node');
    return host;
  };
  app.onError(async (error, c) => {
    c.header(SERVER_TIME_HEADER, String(clock.now()));
    return handleError(error, c);
  });
  app.notFound((c) => errorResponse(c, new TerraneError('not_found', `There is no route ${c.req.method} ${c.req.path}.`)));
  app.use(async (c, next) => {
    await next();
    // Not by `c.header`, which makes a stream of a body that is there as bytes.
    c.res.headers.set(SERVER_TIME_HEADER, String(clock.now()));
  });

  app.post('/join', async (c) => {
    const bytes = await readBytes(c.req.raw, JOIN_LIMIT_BYTES);
    const request = parseJson(bytes, joinRequestSchema);
    verifyWithKey(deps, c.req.raw, bytes, request.publicKey);
    const ip = deps.clientIp(c);
    const requestId = c.get('requestId' as never) as string | undefined;
    return c.json(await accounts.join(request, { ...(ip ? { ip } : {}), ...(requestId ? { requestId } : {}) }));
  });

  const assigned = assignments(deps);
  app.get('/assignment', async (c) => {
    const host = await hostOf(c.req.raw, undefined);
    const found = await assigned.read(host, c.req.header('if-none-match'));
    if (!found) {
      throw new TerraneError('not_found', `The cluster has no node ${host.nodeName} yet.`, {
        fix: 'Send a report first: the first one makes the node.',
      });
    }
    c.header('etag', found.etag);
    c.header(REVISION_HEADER, String(found.revision));
    c.header('cache-control', 'private, no-cache');
    return found.assignment === undefined ? c.body(null, 304) : compressedJson(c, found.assignment);
  });

  app.post('/report', async (c) => {
    const bytes = await readBytes(c.req.raw, REPORT_LIMIT_BYTES);
    const { keyId, tenant, cluster, nodeName } = await hostOf(c.req.raw, bytes);
    const report = parseJson(bytes, reportSchema);
    const item = { nodeName, receivedAt: clock.now(), report };
    let kept = await keep(inbox, tenant, cluster, item);
    // After the put: who gives the host up without having seen this report has done so in what is read here.
    const registry = await keyspaces.open(tenant, cluster, 'registry');
    const view = await registry.sync();
    const node = getResource(view, 'Node', '', nodeName);
    const lease = renewsLease(node);
    // It comes back after it was given up: news, though it says what it always said.
    if (node && !lease) kept = await inbox.put(tenant, cluster, item, true);
    // Removed while this was on its way? Then the removal may have emptied the inbox before our put.
    if (kept === 'report' && (await accounts.hostOfKey(keyId))?.status !== 'active') {
      await inbox.delete(tenant, cluster, nodeName);
      throw new TerraneError('host_revoked');
    }
    await deps.onReport(tenant, cluster);
    return c.json({ revision: view.revision, lease } satisfies ReportAnswer);
  });

  app.post('/streams/:id', async (c) => {
    const host = principalOf(await hostOf(c.req.raw, { streamed: true }));
    const body = c.req.raw.body ?? (new Blob([]).stream() as ReadableStream<Uint8Array>);
    const taken = await deps.streams.accept(c.req.param('id'), host, streamStatus(c.req.header(STREAM_STATUS_HEADER)), body);
    if (!taken) throw new TerraneError('not_found', 'Nobody waits for this stream (any more).', { fix: 'Stop sending it.' });
    return c.body(null, 204);
  });

  app.post('/streams/:id/:part', async (c) => {
    const bytes = await readBytes(c.req.raw, PART_LIMIT_BYTES);
    const host = principalOf(await hostOf(c.req.raw, bytes));
    const text = c.req.param('part');
    if (!/^\d{1,7}$/.test(text)) throw new TerraneError('invalid_request', 'The part of a stream is a number.');
    const status = streamStatus(c.req.header(STREAM_STATUS_HEADER));
    const part = { number: Number(text), status, last: c.req.query('last') === '1', bytes };
    if (!(await deps.streams.acceptPart?.(c.req.param('id'), host, part)))
      throw new TerraneError('not_found', 'Nobody waits for this stream (any more).', { fix: 'Stop sending it.' });
    return c.body(null, 204);
  });

  if (deps.updates) app.route('/updates', createNodeUpdates({ ...deps, ...deps.updates }, hostOf));
  if (deps.kv) app.route('/kv', createNodeKv({ ...deps.kv, clock }, hostOf));
  return app;
}

async function keep(inbox: Inbox, tenant: string, cluster: string, item: InboxItem): Promise<Kept> {
  try {
    return await inbox.put(tenant, cluster, item);
  } catch (error) {
    if (!(error instanceof ReportTooLargeError)) throw error;
    throw new TerraneError('body_too_large', `${error.message[0]!.toUpperCase()}${error.message.slice(1)}.`);
  }
}

/** A host's word becomes the status of the answer to a person: anything that isn't one is the host's mistake. */
function streamStatus(header = '200'): number {
  const status = Number(header);
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}
