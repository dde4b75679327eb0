import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dynoxideBinary } from './dynoxide-binary.ts';

/** One run of dynoxide: from spawned and answering, to exited. */
export interface DynoxideProcess {
  readonly pid: number;
  /** Resolves with how it ended, once. */
  readonly exited: Promise<string>;
  /** Ends it: asks, and after `graceMs` forces. */
  stop(graceMs: number): Promise<void>;
}

/** Thrown when the port was taken between choosing and binding it. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

const READY_WITHIN_MS = 20_000;
const KEPT_OUTPUT_CHARS = 2_000;

/** Starts dynoxide on `port` of loopback over the SQLite file `file`, and waits until it answers. */
export async function runDynoxide(port: number, file: string, pidFile: string): Promise<DynoxideProcess> {
  endOrphan(pidFile, file);
  const server = [dynoxideBinary(), 'serve', '--host', '127.0.0.1', '--port', String(port), '--db-path', file];
  const [program, ...args] = [...tiedToThisProcess(), ...server];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`${signal ?? `exit code ${code}`}${output ? `: ${output.trim()}` : ''}`));
  });
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  void exited.then(() => process.off('exit', endWithUs));

  const failure = await Promise.race([answers(port, () => output.includes('listening')), exited]);
  if (failure !== undefined) {
    child.kill('SIGKILL');
    if (failure.includes('already in use')) throw new PortTakenError(failure);
    throw new Error(`dynoxide did not start (${failure})`);
  }
  writeFileSync(pidFile, `${child.pid}\n`, { mode: 0o600 });
  return { pid: child.pid!, exited, stop: (graceMs) => stop(child, exited, graceMs) };
}

async function stop(child: ChildProcess, exited: Promise<string>, graceMs: number): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(force);
}

/** A child that must not outlive us even if we are killed: setpriv(1) of util-linux asks the kernel for that. */
function tiedToThisProcess(): string[] {
  const command = ['setpriv', '--pdeathsig', 'KILL', '--'];
  return spawnSync(command[0]!, [...command.slice(1), 'true']).status === 0 ? command : [];
}

/** Without setpriv a killed server leaves its dynoxide behind, with our file open. We hold the directory's lock: end it. */
function endOrphan(pidFile: string, file: string): void {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (pid > 1 && commandLine.includes('--db-path') && commandLine.includes(file)) process.kill(pid, 'SIGKILL');
  } catch {
    // No file, or no such process: nothing was left behind.
  }
}

/** Resolves with undefined when the port answers, or with the reason why it never did. `announced`: the child said it listens. */
async function answers(port: number, announced: () => boolean): Promise<string | undefined> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (announced() && (await probe(port, 1_000))) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return `no answer on port ${port} within ${READY_WITHIN_MS / 1000} s`;
}

/** True if an HTTP server answers on the port within the time. */
export function probe(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}
