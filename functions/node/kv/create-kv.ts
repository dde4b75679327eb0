import { type Context, Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { CorruptLogError, TrimmedError } from '../../../core/keyspace/errors.ts';
import {
  decodeCalls,
  encodeForwardedAnswer,
  encodeSnapshotPage,
  encodeTail,
  fittingTail,
  FORWARD_BYTES_MAX,
  FORWARD_MAX,
  type ForwardedCalls,
} from '../../../core/node/kv.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import type { Logs } from '../../../core/ports/keyspaces.ts';
import { readBytes } from '../../read-body.ts';
import { type CallsDeps, serveCalls } from './calls.ts';
import { headReads } from './head-reads.ts';
import { INTEREST_MS, type KvInterest } from './interest.ts';

export interface NodeKvDeps extends CallsDeps {
  readonly logs: Logs;
  readonly interest: KvInterest;
  readonly clock: Clock;
  /** A host said that it uses the store. */
  readonly onInterest?: ((tenant: string, cluster: string) => Promise<void>) | undefined;
}

type Verify = (request: Request, body: Uint8Array | undefined) => Promise<HostPrincipal>;

/**
 * /node/v1/kv/*: a host's way to its own cluster's key-value store. It tails the log as it is: no replica is needed here for that,
 * and looking whether there is something new is one read of one item.
 */
export function createNodeKv(deps: NodeKvDeps, verify: Verify): Hono {
  const app = new Hono();
  const heads = headReads();

  app.get('/tail', async (c) => {
    const { tenant, cluster, nodeName } = await verify(c.req.raw, undefined);
    const after = sequenceOf(c.req.query('after'));
    if (c.req.query('watch') === '1') {
      await deps.interest.mark(tenant, cluster, nodeName, deps.clock.now() + INTEREST_MS);
      await deps.onInterest?.(tenant, cluster);
    }
    const log = deps.logs.log(tenant, cluster, 'kv');
    const options = { verify: c.req.query('verify') === '1', expectNews: c.req.query('news') === '1' };
    try {
      const plain = !options.verify && !options.expectNews;
      const tail = plain
        ? await heads.read(`${tenant} ${cluster} ${after}`, () => log.read(after, options))
        : await log.read(after, options);
      return binary(c, encodeTail(fittingTail(tail)));
    } catch (error) {
      if (error instanceof TrimmedError) return binary(c, encodeTail('trimmed'));
      throw error;
    }
  });

  app.get('/snapshot', async (c) => {
    const { tenant, cluster } = await verify(c.req.raw, undefined);
    const page = await deps.logs.log(tenant, cluster, 'kv').snapshotPage(c.req.query('cursor'));
    return binary(c, encodeSnapshotPage(page));
  });

  app.post('/calls', async (c) => {
    const bytes = await readBytes(c.req.raw, FORWARD_BYTES_MAX);
    const { tenant, cluster } = await verify(c.req.raw, bytes);
    return binary(c, encodeForwardedAnswer(await serveCalls(deps, tenant, cluster, decoded(bytes))));
  });

  return app;
}

function decoded(bytes: Uint8Array): ForwardedCalls {
  try {
    const decoded = decodeCalls(bytes);
    if (decoded.calls.length <= FORWARD_MAX.calls) return decoded;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
  }
  throw new TerraneError('invalid_request', `The body is not a list of at most ${FORWARD_MAX.calls} calls.`);
}

function sequenceOf(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw new TerraneError('invalid_request', 'after must be the number of a log entry.');
  }
  return Number(text);
}

function binary(c: Context, bytes: Uint8Array): Response {
  const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' };
  return c.body(bytes as Uint8Array<ArrayBuffer>, 200, headers);
}
