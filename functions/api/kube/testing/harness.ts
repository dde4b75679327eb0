import { Hono } from 'hono';
import type { Keyspace, TxnView } from '../../../../core/keyspace/types.ts';
import type { LogsRequest } from '../../../../core/node/push.ts';
import type { Role } from '../../../../core/ports/identity.ts';
import type { HostStream } from '../../../../core/ports/stream-relay.ts';
import type { Status } from '../../../../core/resources/status.ts';
import { fixedContext, newCluster, NOW } from '../../../../core/resources/testing/fixtures.ts';
import type { WriteContext } from '../../../../core/resources/write.ts';
import type { ApiEnv } from '../../../context.ts';
import { asPerson } from '../../testing/as-person.ts';
import { createKube } from '../create-kube.ts';
import type { AuditedWrite } from '../deps.ts';

/** A cluster `x` with its API, driven without a network. */
export interface KubeHarness {
  readonly app: Hono<ApiEnv>;
  readonly keyspace: Keyspace;
  readonly ctx: WriteContext;
  readonly writes: AuditedWrite[];
  readonly errors: unknown[];
  /** What the API asked of hosts. */
  readonly asked: { node: string; request: LogsRequest }[];
  /** What a host will answer. */
  answerLogs(answer: HostStream): void;
  as(role: Role): void;
  /** As when the server shuts down. */
  shutDown(): void;
  commit<T>(evaluate: (txn: TxnView) => T): Promise<T>;
  /** Path below /clusters/x. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** As `request`, and the answer's JSON. */
  json<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
  /** As `request`, for one that must fail. */
  refused(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Status>;
}

export async function kubeHarness(): Promise<KubeHarness> {
  const ctx = fixedContext();
  const keyspace = await newCluster(ctx);
  const writes: AuditedWrite[] = [];
  const errors: unknown[] = [];
  const asked: KubeHarness['asked'] = [];
  const shutdown = new AbortController();
  let role: Role = 'owner';
  let logs: HostStream = { ok: false, status: 503, message: 'node n1 is not connected' };
  const kube = createKube({
    keyspaces: { open: async () => keyspace },
    relay: {
      request: async (_tenant, _cluster, node, request) => {
        asked.push({ node, request: request as LogsRequest });
        return logs;
      },
    },
    clock: { now: () => NOW },
    newUid: () => ctx.newUid(),
    shutdown: shutdown.signal,
    onWrite: (write) => void writes.push(write),
    onError: (error) => void errors.push(error),
  });
  const app = new Hono<ApiEnv>();
  app.use(
    '/clusters/:cluster/*',
    asPerson(() => role),
  );
  app.route('/clusters/:cluster', kube);

  const request: KubeHarness['request'] = async (method, path, body, headers = {}) => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const init = {
      method,
      headers: { ...(text !== undefined && { 'content-type': type }), ...headers },
      ...(text !== undefined && { body: text }),
    };
    return app.request(`/clusters/x${path}`, init);
  };
  return {
    app,
    keyspace,
    ctx,
    writes,
    errors,
    asked,
    request,
    answerLogs: (answer) => {
      logs = answer;
    },
    shutDown: () => shutdown.abort(),
    as: (next) => {
      role = next;
    },
    commit: async (evaluate) => (await keyspace.transact(evaluate)).result,
    async json(method, path, body, headers) {
      const response = await request(method, path, body, headers);
      const value = (await response.json()) as { message?: string };
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${value.message}`);
      return value as never;
    },
    async refused(method, path, body, headers) {
      const response = await request(method, path, body, headers);
      if (response.ok) {
        // Not read: it may be a watch.
        await response.body?.cancel();
        throw new Error(`${method} ${path} was not refused: ${response.status}`);
      }
      const status = (await response.json()) as Status;
      if (status.kind !== 'Status' || status.code !== response.status) throw new Error(`not a Status: ${JSON.stringify(status)}`);
      return status;
    },
  };
}

export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
export const PODS = '/api/v1/namespaces/default/pods';
export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
