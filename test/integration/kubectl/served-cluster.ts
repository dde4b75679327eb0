import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { type KubeHarness, kubeHarness } from '../../../functions/api/kube/testing/harness.ts';
import { serverCertificates } from '../../../store/certificates.ts';
import type { Kubectl } from './kubectls.ts';

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** Called with what has come on stdout so far; returning true ends the command. */
  until?(stdout: string): boolean;
}

/** A cluster served over TLS under a path prefix, as kubectl reaches it in production. No controllers run. */
export interface ServedCluster extends KubeHarness {
  /** Requests seen, as `METHOD /path?query`. */
  readonly seen: string[];
  /** Files for kubectl -f and the like. */
  readonly directory: string;
  kubectl(...args: string[]): Promise<Run>;
  kubectlWith(options: RunOptions, ...args: string[]): Promise<Run>;
  /** stdout of a command that must succeed. */
  ok(...args: string[]): Promise<string>;
  /** stderr of a command that must fail. */
  fails(...args: string[]): Promise<string>;
  /** Writes a manifest and returns its path. */
  file(name: string, content: unknown): Promise<string>;
  stop(): Promise<void>;
}

const TOKEN = 'test-token';
/** A limit on hanging, not an expectation of speed. */
const HANG_MS = 60_000;

export async function serveCluster(kubectl: Kubectl): Promise<ServedCluster> {
  const harness = await kubeHarness();
  const directory = await mkdtemp(join(tmpdir(), 'terrane-kubectl-'));
  const { caPem, certPem, keyPem } = await serverCertificates(join(directory, 'tls'), ['127.0.0.1'], Date.now());
  const seen: string[] = [];
  const { app } = harness;
  const server = serve({
    fetch: (request, env) => {
      const { pathname, search } = new URL(request.url);
      seen.push(`${request.method} ${pathname}${search}`);
      // kubectl only sends the token over TLS: a wrong setup must not look like a success.
      if (request.headers.get('authorization') !== `Bearer ${TOKEN}`) return new Response('unauthorized', { status: 401 });
      return app.fetch(request, env as never);
    },
    createServer,
    serverOptions: { cert: certPem, key: keyPem },
    hostname: '127.0.0.1',
    port: 0,
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const config = join(directory, 'kubeconfig');
  await writeFile(
    config,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'x',
          cluster: {
            server: `https://127.0.0.1:${port}/clusters/x`,
            'certificate-authority-data': Buffer.from(caPem).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token: TOKEN } }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'u' } }],
      'current-context': 'x',
    }),
    { mode: 0o600 },
  );
  const env = { PATH: process.env.PATH ?? '', HOME: directory, KUBECONFIG: config, KUBECACHEDIR: join(directory, 'cache') };
  const kubectlWith = (options: RunOptions, ...args: string[]) =>
    execute(kubectl.path, args, { ...options, env: { ...env, ...options.env } }, directory);

  return {
    ...harness,
    seen,
    directory,
    kubectlWith,
    kubectl: (...args) => kubectlWith({}, ...args),
    async ok(...args) {
      const { code, stdout, stderr } = await kubectlWith({}, ...args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    async fails(...args) {
      const { code, stdout, stderr } = await kubectlWith({}, ...args);
      if (code === 0) throw new Error(`kubectl ${args.join(' ')} succeeded: ${stdout}`);
      return stderr;
    },
    async file(name, content) {
      const path = join(directory, name);
      await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    },
    async stop() {
      (server as ReturnType<typeof createServer>).closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function execute(path: string, args: readonly string[], options: RunOptions, cwd: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, env: options.env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const hung = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (options.until?.(stdout)) child.kill('SIGTERM');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(hung);
      resolve({
        code: code ?? (signal === 'SIGTERM' ? 0 : 1),
        stdout,
        stderr: signal === 'SIGKILL' ? `${stderr}\n(killed: hung)` : stderr,
      });
    });
    child.stdin.end(options.input ?? '');
  });
}
