import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, runtimeApi } from './runtime-api.ts';

export interface FunctionOptions {
  readonly name: string;
  /** Directory with the bundle. */
  readonly directory: string;
  /** As the template has it: `index.handler`. */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** One execution environment of a Lambda function: a process of its own, with nothing of our environment. */
export interface FunctionProcess {
  invoke(event: unknown): Promise<Answer>;
  /** For events that want a value. */
  call(event: unknown): Promise<unknown>;
  /** Initialised. */
  readonly ready: Promise<void>;
  /** What it wrote to stdout and stderr. */
  readonly logs: string[];
  /** CPU time that it has used so far, in all its threads, ms. */
  cpuMs(): number;
  stop(): Promise<void>;
}

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.mjs');
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/terrane');

/** The Node that Lambda runs (24), if the build has fetched it; else this process' own. */
export function lambdaNode(): string {
  const member = existsSync(CACHE)
    ? readdirSync(CACHE).find((file) => /^node-linux-.*-24\..*\.member\.gz$/.test(file))
    : undefined;
  if (!member || !member.includes(`-${process.arch}-`)) return process.execPath;
  const directory = join(CACHE, member.replace('.member.gz', ''));
  const node = join(directory, 'bin/node');
  if (existsSync(node)) return node;
  const work = `${directory}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  // The member is the beginning of an archive: tar misses its end, and says so.
  execFileSync('tar', ['-xzf', join(CACHE, member), '-C', work, '--ignore-zeros'], { stdio: 'ignore' });
  if (existsSync(directory)) rmSync(work, { recursive: true });
  else renameSync(work, directory);
  return node;
}

export const accessKeyOf = (name: string): string => `AKIATERRANE${name.toUpperCase()}`;

export async function startFunction(options: FunctionOptions): Promise<FunctionProcess> {
  const { name, directory, handler, timeoutMs, environment } = options;
  const api = await runtimeApi();
  const child = spawn(lambdaNode(), [BOOTSTRAP], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
    env: {
      PATH: '/usr/bin:/bin',
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_REGION: 'us-east-1',
      // Its role: who looks at a call's signature can tell who made it.
      AWS_ACCESS_KEY_ID: accessKeyOf(name),
      AWS_SECRET_ACCESS_KEY: 'test-secret',
      AWS_SESSION_TOKEN: 'test-session',
      LAMBDA_TASK_ROOT: directory,
      _HANDLER: handler,
      ...environment,
    },
  });
  const logs: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => logs.push(data.toString('utf8')));
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      api.fail(new Error(`function ${name} ended (${signal ?? code}): ${logs.join('').slice(-2000)}`));
      resolve();
    });
  });
  return {
    invoke: (event) => api.invoke(event, timeoutMs),
    async call(event) {
      const answer = await api.invoke(event, timeoutMs);
      if (answer.kind !== 'value') throw new Error(`function ${name} streamed where a value was expected`);
      return answer.value;
    },
    ready: api.ready,
    logs,
    cpuMs: () => cpuMs(child.pid!),
    async stop() {
      child.kill('SIGKILL');
      await exited;
      api.close();
    },
  };
}

/** The first field of each thread's schedstat is its time on a CPU, ns. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]));
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6;
}
