import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DockerConnection } from '../../agent/docker/connection.ts';
import { dockerEngine } from '../../agent/docker/engine.ts';
import { HANDS_OFF } from '../../bin/machine/engine.ts';
import { removeDirectory } from '../../bin/machine/remove-directory.ts';

/**
 * A real Docker engine for a test, apart from any other on the machine: own bridge (with an address of its own, so that
 * containers can be reached from here), own data, exec root, containerd namespace. It leaves the machine's firewall and
 * forwarding alone. Several coexist. Needs root and Debian's docker.io.
 */
export interface Dockerd {
  /** Path of its API socket. */
  readonly socket: string;
  /** Own directory; the caller may put an agent's data beside the engine's: it goes away with `stop`. */
  readonly dir: string;
  /** The bridge's address, which containers see as their gateway. */
  readonly gateway: string;
  readonly pid: number;
  /** SIGKILL to the daemon, as a crash: its containers die with it or live on as Docker decides. */
  kill(): Promise<void>;
  /** Starts the daemon again after `kill` or `halt`, with everything it had. */
  restart(): Promise<void>;
  /** SIGTERM, and nothing is removed: the host is shutting down. */
  halt(): Promise<void>;
  /** Removes its containers, ends it and removes every trace: processes, mounts, directory, bridge. */
  stop(): Promise<void>;
}

export interface DockerdOptions {
  /** Further flags for dockerd. */
  readonly flags?: readonly string[];
  /** Name of an existing network namespace (ip netns) to run it in; the bridge is then dockerd's own. */
  readonly netns?: string;
}

const READY_MS_MAX = 60_000;

/** Can this machine run an engine? A test that needs one says so instead of failing for want of it. */
export function canRunDockerd(): boolean {
  const possible = process.getuid?.() === 0 && ['/usr/sbin/dockerd', '/usr/bin/dockerd'].some((path) => existsSync(path));
  if (!possible) console.warn("skipped what needs a Docker engine: starting one takes root and Debian's docker.io");
  return possible;
}

export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  // The path of a unix socket has at most 107 characters: the directory's is short.
  const dir = mkdtempSync('/tmp/trn-dockerd-');
  const socket = join(dir, 'docker.sock');
  const bridge = options.netns ? undefined : makeBridge();
  let daemon: ChildProcess | undefined;

  const start = async () => {
    daemon = spawnDaemon(dir, socket, bridge, options);
    const failed = exitOf(daemon).then(() => {
      throw new Error(`dockerd ended at start:\n${readFileSync(join(dir, 'log'), 'utf8').slice(-2000)}`);
    });
    const over = new AbortController();
    try {
      await Promise.race([failed, untilReady(socket, over.signal)]);
    } finally {
      over.abort();
      failed.catch(() => undefined);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    daemon.kill(signal);
    await exitOf(daemon);
  };
  const sweep = () => {
    if (bridge) run('ip', ['link', 'del', bridge.name]);
    removeDirectory(dir);
  };
  const stop = async () => {
    await removeAllContainers(socket).catch(() => undefined);
    await end('SIGTERM');
    // After a SIGKILL of the daemon, its containerd and what that started outlive it.
    await endAll(dir);
    await endCgroups(basename(dir));
    sweep();
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socket,
    dir,
    gateway: bridge?.gateway ?? '172.17.0.1',
    get pid() {
      return daemon?.pid ?? 0;
    },
    kill: async () => {
      await end('SIGKILL');
      // containerd dies with it. Where nothing reaps orphans it stays a zombie, which dockerd would take for a live one.
      rmSync(join(dir, 'exec', 'containerd', 'containerd.pid'), { force: true });
    },
    restart: start,
    halt: () => end('SIGTERM'),
    stop,
  };
}

interface Bridge {
  readonly name: string;
  readonly gateway: string;
}

/** The name says the subnet, and the kernel refuses a second link of that name: two test runs never share one. */
function makeBridge(): Bridge {
  const first = Math.floor(Math.random() * 200);
  for (let i = 0; i < 200; i++) {
    const third = 20 + ((first + i) % 200);
    const bridge = { name: `trnd${third}`, gateway: `10.213.${third}.1` };
    if (!run('ip', ['link', 'add', bridge.name, 'type', 'bridge'])) continue;
    execFileSync('ip', ['addr', 'add', `${bridge.gateway}/24`, 'dev', bridge.name]);
    execFileSync('ip', ['link', 'set', bridge.name, 'up']);
    return bridge;
  }
  throw new Error('no free subnet in 10.213.0.0/16 for a test bridge');
}

function spawnDaemon(dir: string, socket: string, bridge: Bridge | undefined, options: DockerdOptions): ChildProcess {
  const namespace = basename(dir);
  const settings: Record<string, string> = {
    '--host': `unix://${socket}`,
    '--data-root': join(dir, 'data'),
    '--exec-root': join(dir, 'exec'),
    '--pidfile': join(dir, 'pid'),
    '--config-file': join(dir, 'daemon.json'),
    '--shutdown-timeout': '2',
    '--cgroup-parent': `/${namespace}`,
    '--containerd-namespace': namespace,
    '--containerd-plugins-namespace': `${namespace}-plugins`,
  };
  const args = [
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    ...(bridge ? [`--bridge=${bridge.name}`, ...HANDS_OFF] : []),
    ...(options.flags ?? []),
  ];
  execFileSync('sh', ['-c', `[ -e "$1" ] || echo '{}' >"$1"; rm -f "$2"`, 'sh', join(dir, 'daemon.json'), join(dir, 'pid')]);
  const log = openSync(join(dir, 'log'), 'a');
  // `ip netns exec` would remount /sys and hide the cgroups; nsenter doesn't.
  const command = options.netns ? ['nsenter', `--net=/run/netns/${options.netns}`, 'dockerd'] : ['dockerd'];
  const child = spawn(command[0]!, [...command.slice(1), ...args], { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  child.unref();
  return child;
}

async function untilReady(socket: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (!signal.aborted && performance.now() < deadline) {
    if (existsSync(socket) && run('curl', ['-fsS', '-m', '2', '--unix-socket', socket, 'http://docker/_ping'])) return;
    await delay(50);
  }
  throw new Error(`dockerd on ${socket} was not ready within ${READY_MS_MAX / 1000} s`);
}

async function removeAllContainers(socket: string): Promise<void> {
  const connection = new DockerConnection(socket);
  const engine = dockerEngine(connection);
  try {
    const containers = await connection.json<{ Id: string }[]>({ method: 'GET', path: '/containers/json', query: { all: true } });
    // One after the other: Docker 20.10 can lock up when many networks are taken down at the same time.
    for (const { Id } of containers) await engine.removeContainer(Id, true).catch(() => undefined);
  } finally {
    engine.close();
  }
}

/** Ends what still runs with this directory in its command line (containerd, shims) and waits until it is gone. */
async function endAll(dir: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const pids = pidsNaming(dir);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, round < 20 ? 'SIGTERM' : 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await delay(100);
  }
}

function pidsNaming(dir: string): number[] {
  const listed = execFileSync('sh', ['-c', 'grep -lzs -- "$1" /proc/[0-9]*/cmdline || true', 'sh', dir], { encoding: 'utf8' });
  const namespace = execFileSync('sh', ['-c', 'grep -lzs -- "$1" /proc/[0-9]*/cmdline || true', 'sh', basename(dir)], {
    encoding: 'utf8',
  });
  return [...new Set([...listed.split('\n'), ...namespace.split('\n')])]
    .map((path) => Number(path.split('/')[2]))
    .filter((pid) => pid > 1 && pid !== process.pid && isEngineProcess(pid));
}

/** Containers whose shim was killed: their processes are found by the engine's own parent cgroup. */
async function endCgroups(name: string): Promise<void> {
  const find = `find /sys/fs/cgroup -path "*/${name}/*" -o -path "*/${name}"`;
  for (let round = 0; round < 50; round++) {
    const left = execFileSync('sh', ['-c', `${find} | grep /cgroup.procs$ | xargs -r cat | sort -u`], { encoding: 'utf8' });
    for (const pid of left.split('\n').map(Number)) if (pid > 1) run('kill', ['-9', String(pid)]);
    run('sh', ['-c', `find /sys/fs/cgroup -depth -type d \\( -path "*/${name}/*" -o -path "*/${name}" \\) -exec rmdir {} \\;`]);
    if (execFileSync('sh', ['-c', `${find} | head -1`], { encoding: 'utf8' }) === '') return;
    await delay(100);
  }
}

/** Only the engine's own kinds: never an editor or a test runner that happens to name the directory. */
function isEngineProcess(pid: number): boolean {
  try {
    return /^(dockerd|containerd|containerd-shim|docker-proxy|runc)/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'));
  } catch {
    return false;
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

function run(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
