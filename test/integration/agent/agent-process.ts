import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The agent as hosts run it: bundled, in a process of its own, so that it can be killed. */
export interface AgentBundle {
  readonly path: string;
  remove(): Promise<void>;
}

export async function bundleAgent(): Promise<AgentBundle> {
  const directory = await mkdtemp(join(tmpdir(), 'trn-bundle-'));
  const path = join(directory, 'agent.mjs');
  await build({
    entryPoints: ['bin/agent.ts'],
    outfile: path,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    banner: { js: "import { createRequire as __r } from 'node:module'; globalThis.require ??= __r(import.meta.url);" },
    logLevel: 'silent',
  });
  return { path, remove: () => rm(directory, { recursive: true, force: true }) };
}

export interface AgentProcess {
  readonly pid: number;
  /** All that it said. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export interface AgentProcessOptions {
  readonly bundle: AgentBundle;
  readonly server: string;
  readonly token: string;
  readonly docker: string;
  readonly data: string;
  readonly node?: string;
  readonly nodeFlags?: readonly string[];
}

export function spawnAgent({ bundle, server, token, docker, data, node, nodeFlags = [] }: AgentProcessOptions): AgentProcess {
  const args = [...nodeFlags, bundle.path, '--server', server, '--docker', docker, '--data', data, '--health-port', '0'];
  // jest's own flags are not the agent's.
  const env = { ...process.env, TERRANE_TOKEN: token, NODE_OPTIONS: '' };
  const child: ChildProcess = spawn(node ?? process.execPath, args, { env, stdio: ['ignore', 'inherit', 'pipe'] });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    if (process.env.AGENT_LOG) process.stderr.write(text);
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    pid: child.pid ?? 0,
    log: () => log,
    kill(signal) {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}
