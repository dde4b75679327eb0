import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { engineRunsHere } from './docker-traces.ts';

/** A Docker engine that answers. */
export interface Engine {
  readonly socket: string;
  readonly version: string;
  /** Its process, if we started it. */
  readonly pid?: number;
}

export interface EngineListener {
  readonly say: (line: string) => void;
  /** Before a process of ours is started. */
  readonly starting: () => void;
  /** At once after it. */
  readonly started: (pid: number) => void;
}

/** The engine's version, or undefined when none answers on this socket within a second. */
function engineVersion(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: socket, path: '/version', timeout: 1000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve(response.statusCode === 200 ? (JSON.parse(text) as { Version: string }).Version : undefined),
      );
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

/**
 * The machine's own engine if it answers, else a dockerd of ours below `directory`, with a socket and data of its own, for machines where no init
 * starts one. Its bridge and rules are the machine's, unless they are another engine's.
 */
export async function findOrStartEngine(directory: string, { say, starting, started }: EngineListener): Promise<Engine> {
  const usual = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
  const version = await engineVersion(usual);
  if (version) return { socket: usual, version };
  say('no Docker engine answers on this machine; starting dockerd for this run');
  starting();
  // An engine makes the machine's rules of Docker anew when it starts, and published ports of another's containers would be gone.
  const beside = engineRunsHere();
  if (beside) say(`one runs that doesn't answer at ${usual}: rules and forwarding are left to it`);
  return startEngine(directory, started, beside ? HANDS_OFF : []);
}

/** An engine that changes nothing of the machine's firewall and forwarding. Not `--bridge=none`: that takes docker0 away, whose ever it is. As it is, it stays. */
export const HANDS_OFF = ['--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'];

async function startEngine(directory: string, started: (pid: number) => void, flags: readonly string[]): Promise<Engine> {
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'docker.sock');
  const logFile = join(directory, 'dockerd.log');
  const pidFile = join(directory, 'docker.pid');
  rmSync(pidFile, { force: true });
  const log = openSync(logFile, 'w');
  // The machine's /etc/docker/daemon.json is for its own engine: with what it says of hosts or data, this one wouldn't start.
  const config = join(directory, 'daemon.json');
  writeFileSync(config, '{}\n');
  const data = ['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')];
  const paths = [...data, '--pidfile', pidFile, '--config-file', config];
  const child = spawn('dockerd', ['-H', `unix://${socket}`, ...paths, ...flags], { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  if (child.pid !== undefined) started(child.pid);
  const version = await answered(child, socket, logFile);
  child.unref();
  return { socket, version, ...(child.pid === undefined ? {} : { pid: child.pid }) };
}

const START_TIMEOUT_MS = 60_000;

async function answered(child: ChildProcess, socket: string, logFile: string): Promise<string> {
  let failed: string | undefined;
  child.once('error', (error) => {
    failed = error.message;
  });
  child.once('exit', (code) => {
    failed = `exit code ${code}`;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && failed === undefined) {
    const version = await engineVersion(socket);
    if (version) return version;
    await delay(100);
  }
  child.kill();
  const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
  throw new Error(`dockerd did not start (${failed ?? `no answer in ${START_TIMEOUT_MS / 1000} s`}). Its last lines:\n${tail}`);
}
