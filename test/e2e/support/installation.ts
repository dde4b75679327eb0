import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../../bin/machine/child.ts';
import { eventually } from '../../support/eventually.ts';

/** A whole embedded installation, driven as a user does: `terrane` commands against a server process. */

const TERRANE = join(import.meta.dirname, '../../../dist/terrane.mjs');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Installation {
  readonly dir: string;
  readonly http: string;
  readonly https: string;
  readonly caFile: string;
  server(): Child;
  /** Runs `terrane ARGS`, signed up and with the cluster chosen. */
  terrane(args: readonly string[], options?: { stdin?: string; env?: Record<string, string> }): Promise<CommandResult>;
  /** As `terrane`, but a failure throws with what it printed; gives stdout parsed from JSON (adds --json). */
  terraneJson<T>(args: readonly string[], options?: { stdin?: string }): Promise<T>;
  /** A request to the server over plain HTTP, without following redirects; with a body it is a POST. */
  fetch(path: string, headers?: Record<string, string>, body?: string): Promise<Response>;
  stopServer(signal?: NodeJS.Signals): Promise<void>;
  /** Again on the same addresses and data. */
  startServer(): Promise<void>;
  startAgent(options: AgentStart): Promise<Child>;
  joinToken(args?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface AgentStart {
  readonly name: string;
  /** Docker's. */
  readonly socket: string;
  readonly dataDir?: string;
  readonly tokenFile?: string;
  /** Where it serves etcd; nowhere by default. */
  readonly etcd?: string;
  /** Program and arguments that run it, such as nsenter. */
  readonly wrapper?: readonly string[];
  readonly flags?: readonly string[];
}

export interface InstallationOptions {
  readonly cluster?: string;
  readonly dataDir?: string;
  readonly serverArgs?: readonly string[];
  /** An existing network namespace (ip netns) that the server and all commands run in. */
  readonly netns?: string;
  /** Where it serves HTTPS there. Loopback by default. */
  readonly address?: string;
}

/** What runs a program in a network namespace. `ip netns exec` would hide the cgroups from it. */
export function inNetns(netns: string | undefined): readonly string[] {
  return netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`];
}

export function run(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; stdin?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
  });
}

interface Ready {
  readonly http: string;
  readonly https: string;
  readonly ca: string;
}

/** Starts a server on free ports and signs up. Its data, the CLI's configuration and all logs lie below one directory. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const dir = mkdtempSync('/tmp/trn-e2e-');
  const config = join(dir, 'config.json');
  const children: Child[] = [];
  const [program, ...wrapped] = [...inNetns(options.netns), process.execPath];
  let ready: Ready | undefined;
  let server: Child;
  let starts = 0;

  const startServer = async () => {
    starts += 1;
    const log = join(dir, `server-${starts}.log`);
    const port = (url: string | undefined) => (url ? new URL(url).port : '0');
    server = startChild(
      program!,
      [
        ...wrapped,
        TERRANE,
        'server',
        '--data',
        options.dataDir ?? join(dir, 'server'),
        '--listen',
        `127.0.0.1:${port(ready?.http)}`,
        '--tls-listen',
        `${options.address ?? '127.0.0.1'}:${port(ready?.https)}`,
        '--json',
        ...(options.serverArgs ?? []),
      ],
      log,
    );
    children.push(server);
    ready = await eventually('the server says it is ready', () => readyLine(server), { timeoutMs: 60_000 });
  };

  const terrane: Installation['terrane'] = (args, { stdin, env } = {}) =>
    run(program!, [...wrapped, TERRANE, ...args], {
      env: { TERRANE_CONFIG: config, NO_COLOR: '1', ...env },
      ...(stdin === undefined ? {} : { stdin }),
    });

  const must = async (args: readonly string[], stdin?: string) => {
    const result = await terrane(args, stdin === undefined ? {} : { stdin });
    if (result.code !== 0) throw new Error(`terrane ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };

  await startServer();
  await must(
    ['signup', '--server', ready!.http, '--email', 'e2e@example.com', '--org', 'e2e', '--password-stdin'],
    'correct horse battery\n',
  );
  await must(['cluster', 'create', options.cluster ?? 'prod']);

  const installation: Installation = {
    dir,
    http: ready!.http,
    https: ready!.https,
    caFile: ready!.ca,
    server: () => server,
    terrane,
    terraneJson: async <T>(args: readonly string[], { stdin }: { stdin?: string } = {}) =>
      JSON.parse(await must([...args, '--json'], stdin)) as T,
    fetch: (path, headers = {}, body) =>
      fetch(`${ready!.http}${path}`, {
        headers,
        redirect: 'manual',
        ...(body === undefined ? {} : { method: 'POST', body }),
      }),
    async stopServer(signal = 'SIGTERM') {
      process.kill(server.pid, signal);
      await eventually('the server has ended', () => {
        if (server.exit() === undefined) throw new Error('it runs');
      });
    },
    startServer,
    async joinToken(args = []) {
      const { token } = await installation.terraneJson<{ token: string }>(['token', 'create', '--kind', 'join', ...args]);
      return token;
    },
    async startAgent({ name, socket, dataDir, tokenFile, etcd = 'none', wrapper = [], flags = [] }) {
      const file = tokenFile ?? join(dir, `token-${name}`);
      if (!tokenFile) writeFileSync(file, await installation.joinToken(), { mode: 0o600 });
      const [first, ...rest] = [...wrapper, process.execPath];
      const agent = startChild(
        first!,
        [
          ...rest,
          TERRANE,
          'agent',
          '--server',
          ready!.https,
          '--ca',
          ready!.ca,
          '--token-file',
          file,
          '--name',
          name,
          '--data',
          dataDir ?? join(dir, `agent-${name}`),
          '--docker',
          socket,
          '--health-port',
          '0',
          '--etcd-listen',
          etcd,
          ...(wrapper.length === 0 ? ['--pod-network', 'none'] : []),
          ...flags,
        ],
        join(dir, `agent-${name}-${children.length}.log`),
      );
      children.push(agent);
      return agent;
    },
    async stop() {
      for (const child of children.toReversed()) await child.stop();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  return installation;
}

/** The one line that `terrane server --json` prints when it is ready; log lines are beside it. */
function readyLine(server: Child): Ready {
  const exit = server.exit();
  for (const line of readFileSync(server.logFile, 'utf8').split('\n')) {
    if (line.startsWith('{"http":')) return JSON.parse(line) as Ready;
  }
  throw new Error(exit === undefined ? 'not yet' : `it ended (${exit}):\n${server.tail()}`);
}
