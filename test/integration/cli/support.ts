import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { ClusterView, LoginView, ServerInfo, TokenView } from '../../../core/accounts/api.ts';
import { cancelled } from '../../../cli/errors.ts';
import type { Io, Output } from '../../../cli/io.ts';
import { createProgram } from '../../../cli/program.ts';
import { runProgram } from '../../../cli/run.ts';
import { NOW as CLUSTER_NOW } from '../../../core/resources/testing/fixtures.ts';
import { etcdHarness } from '../../../functions/api/etcd/testing/harness.ts';
import { type KubeHarness, kubeHarness } from '../../../functions/api/kube/testing/harness.ts';

export const PASSWORD = 'correct horse battery';
export const TOKEN = 'trn_session_test';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What a pipe gives. */
  readonly stdin?: string;
  /** What a person answers, in order; makes standard input a terminal. */
  readonly answers?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Told of all of standard output so far, whenever there is more. */
  readonly seen?: (stdout: string) => void;
  /** Standard output is a terminal. */
  readonly terminal?: boolean;
}

/**
 * The command line in this process against a control plane over real HTTP: the real Kubernetes API over a cluster in memory, and of
 * /v1 just what the commands need.
 */
export interface TestTerrane {
  readonly url: string;
  readonly config: string;
  readonly directory: string;
  readonly kube: KubeHarness;
  readonly clusters: ClusterView[];
  /** Requests to /v1 and below, as `METHOD path body`. */
  readonly requests: string[];
  info: ServerInfo;
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** As `run`, for what must succeed; gives its stdout. */
  must(args: readonly string[], options?: RunOptions): Promise<string>;
  stop(): Promise<void>;
}

/** A minute and a half after the cluster's clock, which stands still. */
export const NOW = CLUSTER_NOW + 90_000;

/** Logged in, with the cluster `prod` (the harness's `x`) chosen, unless `fresh`. */
export async function testTerrane(options: { fresh?: boolean } = {}): Promise<TestTerrane> {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-cli-'));
  const config = join(directory, 'config/config.json');
  const kube = await kubeHarness();
  const app = new Hono();
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const run: TestTerrane['run'] = async (args, { stdin = '', answers, env = {}, terminal = false, seen } = {}) => {
    const out = sink(terminal, seen);
    const err = sink(terminal);
    const left = [...(answers ?? [])];
    const io: Io = {
      out: out.output,
      err: err.output,
      input: {
        isTerminal: answers !== undefined,
        readAll: async () => stdin,
        ask: async (question) => {
          await err.output.write(question);
          const answer = left.shift();
          if (answer === undefined) throw cancelled();
          return answer;
        },
      },
      env: { TERRANE_CONFIG: config, ...env },
      now: () => NOW,
      sleep: async () => {},
    };
    const nothing = async () => {};
    const program = createProgram({ io, version: '1.2.3', runServer: nothing, runAgent: nothing });
    const code = await runProgram(program, io, args);
    return { code, stdout: out.text(), stderr: err.text() };
  };

  const terrane: TestTerrane = {
    url,
    config,
    directory,
    kube,
    clusters: [],
    requests: [],
    info: { version: '1.2.3', url: 'https://terrane.test:7443', ca: 'PEM', manifestKey: 'sha256:abc' },
    run,
    async must(args, options) {
      const result = await run(args, options);
      if (result.code !== 0)
        throw new Error(`terrane ${args.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
  app.route('/v1', accountsRoutes(terrane));
  app.get('/install.sh', (c) => c.text('#!/bin/sh\n'));
  const etcd = etcdHarness();
  app.all('/clusters/:cluster/etcd/*', (c) =>
    authorised(c.req.header('authorization')) ? etcd.app.fetch(c.req.raw) : c.json(unauthenticated, 401),
  );
  app.all('/clusters/*', (c) =>
    authorised(c.req.header('authorization')) ? kube.app.fetch(c.req.raw) : c.json(unauthenticated, 401),
  );
  if (!options.fresh) {
    await terrane.must(['signup', '--server', url, '--email', 'ann@example.com', '--org', 'acme', '--password-stdin'], {
      stdin: `${PASSWORD}\n`,
    });
    await terrane.must(['cluster', 'create', 'prod']);
  }
  return terrane;
}

const unauthenticated = {
  error: { code: 'unauthenticated', message: 'The request carries no valid login.', fix: 'Log in (terrane login).' },
  requestId: 'r1',
};

function authorised(header: string | undefined): boolean {
  return header === `Bearer ${TOKEN}`;
}

function accountsRoutes(terrane: TestTerrane): Hono {
  const app = new Hono();
  const me: LoginView = {
    user: { id: 'u1', email: 'ann@example.com', verified: false, password: true, linked: [] },
    organisation: { id: 'o1', name: 'acme', plan: 'free', nodes: { used: 1, limit: 10 } },
    role: 'owner',
    organisations: [{ id: 'o1', name: 'acme' }],
    token: TOKEN,
    expiresAt: NOW + 3_600_000,
  };
  const token = (kind: 'join' | 'api', id: string): TokenView => ({
    id,
    kind,
    state: 'active',
    createdAt: NOW,
    createdBy: 'u1',
    expiresAt: NOW + 3_600_000,
    ...(kind === 'join' ? { cluster: 'x', uses: { used: 0, max: 1 } } : { role: 'owner' as const }),
  });
  app.use(async (c, next) => {
    const body = await c.req.raw.clone().text();
    terrane.requests.push(`${c.req.method} ${new URL(c.req.url).pathname}${new URL(c.req.url).search} ${body}`.trim());
    await next();
  });
  app.get('/info', (c) => c.json(terrane.info));
  app.post('/signup', (c) => c.json(me, 201));
  app.post('/verify', (c) => c.json({ email: 'ann@example.com', verified: true }));
  app.post('/login', async (c) => {
    const { password } = await c.req.json<{ password: string }>();
    if (password === PASSWORD) return c.json(me);
    const error = { code: 'bad_credentials', message: 'E-mail or password is wrong.', fix: 'Check both and try again.' };
    return c.json({ error, requestId: 'r1' }, 401);
  });
  app.use(async (c, next) => (authorised(c.req.header('authorization')) ? next() : c.json(unauthenticated, 401)));
  app.post('/logout', (c) => c.body(null, 204));
  app.get('/me', (c) => c.json(me));
  app.get('/clusters', (c) => c.json({ clusters: terrane.clusters }));
  app.post('/clusters', async (c) => {
    const { name } = await c.req.json<{ name: string }>();
    const cluster = { id: terrane.clusters.length === 0 ? 'x' : `x${terrane.clusters.length}`, name, nodes: 0, createdAt: NOW };
    terrane.clusters.push(cluster);
    return c.json(cluster, 201);
  });
  app.delete('/clusters/:id', (c) => {
    terrane.clusters.splice(0, terrane.clusters.length, ...terrane.clusters.filter(({ id }) => id !== c.req.param('id')));
    return c.body(null, 204);
  });
  app.get('/tokens', (c) => c.json({ tokens: [token('join', 'j1'), token('api', 'a1')] }));
  app.post('/tokens', async (c) => {
    const { kind } = await c.req.json<{ kind: 'join' | 'api' }>();
    return c.json({ ...token(kind, 'new'), secret: kind === 'join' ? 'trn_join_new_secret_crc' : 'trn_new_secret_crc' }, 201);
  });
  app.delete('/tokens/:id', (c) => c.body(null, 204));
  app.delete('/nodes/:name', (c) => c.body(null, 204));
  return app;
}

function sink(terminal: boolean, seen?: (text: string) => void): { output: Output; text: () => string } {
  let text = '';
  const output: Output = {
    isTerminal: terminal,
    columns: terminal ? 120 : undefined,
    write: async (chunk) => {
      text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      seen?.(text);
    },
  };
  return { output, text: () => text };
}
