import { Hono } from 'hono';
import { memoryLeaseDeadlines } from '../../../../core/etcd/memory-lease-deadlines.ts';
import { memoryKeyspace } from '../../../../core/keyspace/memory.ts';
import type { OpenKeyspace } from '../../../../core/keyspace/open.ts';
import type { Role } from '../../../../core/ports/identity.ts';
import type { ApiEnv } from '../../../context.ts';
import { systemTiming } from '../../../../store/system-timing.ts';
import { etcdServices } from '../../../etcd/services.ts';
import { asPerson } from '../../testing/as-person.ts';
import { createEtcd } from '../create-etcd.ts';

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A cluster `x` with its etcd gateway, driven without a network. */
export interface EtcdHarness {
  readonly app: Hono<ApiEnv>;
  readonly keyspace: OpenKeyspace;
  readonly errors: unknown[];
  as(role: Role): void;
  /** Path below /clusters/x/etcd. */
  request(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown): Promise<Answered>;
  /** The first `count` lines of the answer, or all of them if it ends before. */
  lines(path: string, body: string, count: number): Promise<Record<string, unknown>[]>;
}

export function etcdHarness(options: { progressMs?: number } = {}): EtcdHarness {
  const keyspace = memoryKeyspace();
  const errors: unknown[] = [];
  let role: Role = 'owner';
  const app = new Hono<ApiEnv>();
  app.use(
    '/clusters/:cluster/*',
    asPerson(() => role),
  );
  const deadlines = memoryLeaseDeadlines();
  const services = etcdServices({
    keyspaces: { open: async () => keyspace },
    deadlines: () => deadlines,
    usage: () => ({ report: async () => {}, others: async () => 0, quota: async () => undefined }),
    timing: systemTiming(),
    soleKeeper: true,
    onError: (error) => void errors.push(error),
    ...options,
  });
  const etcd = createEtcd({ services, onError: (error) => void errors.push(error) });
  app.route('/clusters/:cluster/etcd', etcd);
  const request: EtcdHarness['request'] = async (path, init) => app.request(`/clusters/x/etcd${path}`, init);
  return {
    app,
    keyspace,
    errors,
    request,
    as: (next) => {
      role = next;
    },
    async post(path, body) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await request(path, { method: 'POST', body: text });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    lines: async (path, body, count) => readLines(await request(path, { method: 'POST', body }), count),
  };
}

/** Cancels the response once it has them. */
export async function readLines(response: Response, count: number): Promise<Record<string, unknown>[]> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (text.split('\n').length <= count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, count)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export const b64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
