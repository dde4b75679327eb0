import { type Context, Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { encodeSnapshotPage, FORWARD_BYTES_MAX } from '../../../core/node/kv.ts';
import { KV_STREAM_HEADER } from '../../../core/node/kv-stream.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import type { Logs } from '../../../core/ports/keyspaces.ts';
import { readBytes } from '../../read-body.ts';
import { type KvAnswersDeps, kvAnswers } from './answers.ts';

export interface NodeKvDeps extends KvAnswersDeps {
  readonly logs: Logs;
  /** This control plane has kept connections for it, too (stream.ts). */
  readonly streams?: boolean;
}

/** Which host asks? `ageMsMax`: refuse a signature that is further from now than that. */
type Verify = (request: Request, body: Uint8Array | undefined, ageMsMax?: number) => Promise<HostPrincipal>;

/**
 * Calls that come again later than their ids are remembered (recent-requests.ts, 30 s) would be carried out once more. So a captured request
 * must have become worthless by then: it is taken for so long before and after the time that it was signed at, ms. Who sends calls again
 * signs them again.
 */
export const CALLS_AGE_MS_MAX = 10_000;

/** /node/v1/kv/*: a host's way to its own cluster's key-value store. */
export function createNodeKv(deps: NodeKvDeps, verify: Verify): Hono {
  const app = new Hono();
  const answers = kvAnswers(deps);

  const binary = (c: Context, bytes: Uint8Array): Response => {
    const headers = {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      ...(deps.streams ? { [KV_STREAM_HEADER]: '1' } : {}),
    };
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, headers);
  };

  app.get('/tail', async (c) => {
    const host = await verify(c.req.raw, undefined);
    const flag = (name: string) => c.req.query(name) === '1';
    const question = {
      after: numberOf('after', c.req.query('after')),
      verify: flag('verify'),
      news: flag('news'),
      watch: flag('watch'),
      reads: c.req.query('reads') === undefined ? undefined : numberOf('reads', c.req.query('reads')),
    };
    return binary(c, await answers.tail(host, question));
  });

  app.get('/snapshot', async (c) => {
    const { tenant, cluster } = await verify(c.req.raw, undefined);
    const page = await deps.logs.log(tenant, cluster, 'kv').snapshotPage(c.req.query('cursor'));
    return binary(c, encodeSnapshotPage(page));
  });

  app.get('/past', async (c) => {
    const host = await verify(c.req.raw, undefined);
    const question = { from: numberOf('from', c.req.query('from')), to: numberOf('to', c.req.query('to')) };
    return binary(c, await answers.past(host, question));
  });

  app.post('/calls', async (c) => {
    const bytes = await readBytes(c.req.raw, FORWARD_BYTES_MAX);
    const host = await verify(c.req.raw, bytes, CALLS_AGE_MS_MAX);
    return binary(c, (await answers.calls(host, bytes)).bytes);
  });

  return app;
}

const NUMBERS = {
  after: 'the number of a log entry',
  reads: 'a format of log entries',
  from: 'a revision',
  to: 'a revision',
} as const;

function numberOf(name: keyof typeof NUMBERS, text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw new TerraneError('invalid_request', `${name} must be ${NUMBERS[name]}.`);
  }
  return Number(text);
}
