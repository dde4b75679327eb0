import { type Context, Hono } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { joinRequestSchema } from '../../core/node/join.ts';
import { STREAM_STATUS_HEADER } from '../../core/node/push.ts';
import { reportSchema } from '../../core/node/report.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Inbox } from '../../core/ports/inbox.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { StreamSink } from '../../core/ports/stream-relay.ts';
import type { DataKeys } from '../../core/secrets/data-key.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';
import { errorResponse, onError } from '../on-error.ts';
import { parseJson, readBytes } from '../read-body.ts';
import { assignments } from './assignments.ts';
import { SERVER_TIME_HEADER, verifyHost, verifyWithKey } from './host-auth.ts';

export interface NodeApiDeps {
  readonly accounts: Pick<Accounts, 'hostOfKey' | 'join'>;
  readonly keyspaces: Keyspaces;
  /** For the Secrets in assignments. */
  readonly dataKeys: DataKeys;
  readonly inbox: Inbox;
  readonly streams: StreamSink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clientIp: (c: Context) => string | undefined;
  /** A report arrived: wake the reconciler of that cluster. */
  readonly onReport: (tenant: string, cluster: string) => void | Promise<void>;
}

const JOIN_LIMIT_BYTES = 16 * 1024;
const REPORT_LIMIT_BYTES = 4 * 1024 * 1024;

/** /node/v1/*: what hosts may ask. Every request is signed with the host's key; a host reaches its own things only. */
export function createNode(deps: NodeApiDeps): Hono {
  const { accounts, clock, inbox, keyspaces } = deps;
  const app = new Hono().basePath('/node/v1');
  const handleError = onError(deps);
  app.onError(async (error, c) => {
    c.header(SERVER_TIME_HEADER, String(clock.now()));
    return handleError(error, c);
  });
  app.notFound((c) => errorResponse(c, new TerraneError('not_found', `There is no route ${c.req.method} ${c.req.path}.`)));
  app.use(async (c, next) => {
    await next();
    c.header(SERVER_TIME_HEADER, String(clock.now()));
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
    const host = await verifyHost(deps, c.req.raw, undefined);
    const found = await assigned.read(host, c.req.header('if-none-match'));
    if (!found) {
      throw new TerraneError('not_found', `The cluster has no node ${host.nodeName} yet.`, {
        fix: 'Send a report first: the first one makes the node.',
      });
    }
    c.header('etag', found.etag);
    c.header('cache-control', 'private, no-cache');
    return found.assignment === undefined ? c.body(null, 304) : c.json(found.assignment);
  });

  app.post('/report', async (c) => {
    const bytes = await readBytes(c.req.raw, REPORT_LIMIT_BYTES);
    const { keyId, tenant, cluster, nodeName } = await verifyHost(deps, c.req.raw, bytes);
    const report = parseJson(bytes, reportSchema);
    await inbox.put(tenant, cluster, { nodeName, receivedAt: clock.now(), report });
    // Removed while this was on its way? Then the removal may have emptied the inbox before our put.
    if ((await accounts.hostOfKey(keyId))?.status !== 'active') {
      await inbox.delete(tenant, cluster, nodeName);
      throw new TerraneError('host_revoked');
    }
    await deps.onReport(tenant, cluster);
    const registry = await keyspaces.open(tenant, cluster, 'registry');
    return c.json({ revision: (await registry.sync()).revision });
  });

  app.post('/streams/:id', async (c) => {
    const { keyId: _, ...host } = await verifyHost(deps, c.req.raw, { streamed: true });
    const body = c.req.raw.body ?? (new Blob([]).stream() as ReadableStream<Uint8Array>);
    const taken = await deps.streams.accept(c.req.param('id'), host, streamStatus(c.req.header(STREAM_STATUS_HEADER)), body);
    if (!taken) throw new TerraneError('not_found', 'Nobody waits for this stream (any more).', { fix: 'Stop sending it.' });
    return c.body(null, 204);
  });

  return app;
}

/** A host's word becomes the status of the answer to a person: anything that isn't one is the host's mistake. */
function streamStatus(header = '200'): number {
  const status = Number(header);
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}
