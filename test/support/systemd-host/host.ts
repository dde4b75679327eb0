import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { eventually } from '../eventually.ts';

/** A machine with systemd as its first process, a Docker engine of its own, and a network interface of its own. */
export interface SystemdHost {
  readonly name: string;
  /** Its address, which the other hosts and the control plane's relay see. */
  readonly address: string;
  /** Its first process, as this machine numbers it; another after a reboot. */
  pid(): number;
  /** A path on the host (no symbolic link with an absolute target on the way), as this machine reaches it while the host is up. */
  path(path: string): string;
  /** Runs a shell script on it as root; throws with what it printed when it fails. */
  sh(script: string, options?: ExecOptions): Promise<string>;
  /** As `sh`, but a failure is an answer. */
  run(script: string, options?: ExecOptions): Promise<Ran>;
  /** A property of a unit, as its systemd has it: asked often, so not by way of the engine. Throws with what systemctl printed when it fails. */
  show(unit: string, property: string): Promise<string>;
  /** Arguments of `systemctl` that asks its systemd; good until it reboots. */
  systemctl(): readonly string[];
  /** Puts a file on it. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Arguments of a command on this machine that runs COMMAND on the host: `[...command, 'journalctl']`. */
  readonly command: readonly string[];
  /** `systemctl reboot`; resolves when it is up again. */
  reboot(): Promise<void>;
  /** As if the power was cut: every process is killed and nothing starts again until `powerOn`. */
  powerOff(): Promise<void>;
  powerOn(): Promise<void>;
  /** Waits until it has booted; throws the names of units that failed. */
  booted(): Promise<void>;
}

export interface ExecOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Record<string, string>;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What makes a container a host. Capabilities that this machine itself lacks can't be given. */
const FLAGS = [
  '--cap-add=ALL',
  '--cap-drop=SYS_RESOURCE',
  '--security-opt=seccomp=unconfined',
  '--security-opt=apparmor=unconfined',
  '--security-opt=systempaths=unconfined',
  '--cgroupns=private',
  '--stop-signal=SIGRTMIN+3',
  '--tmpfs=/run:exec',
  '--tmpfs=/run/lock',
  '--tmpfs=/tmp:exec',
  '--device-cgroup-rule=a *:* rwm',
  // As on any machine: what a kernel without WireGuard runs it with.
  ...(existsSync('/dev/net/tun') ? ['--device=/dev/net/tun'] : []),
  '--volume=/usr:/usr:ro',
  // Hidden: what somebody installed here by hand is no part of the host.
  '--volume=/usr/local',
  '--volume=/var/lib/docker',
];

export interface HostOptions {
  /** `docker` and its arguments up to the command. */
  readonly docker: readonly string[];
  readonly image: string;
  readonly name: string;
  readonly network: string;
  readonly address: string;
  /** Only the unified hierarchy, cgroups v2. */
  readonly unified?: boolean;
}

/** Starts one; it has not booted yet. */
export async function startHost({ docker, image, name, network, address, unified }: HostOptions): Promise<SystemdHost> {
  const engine = async (...args: string[]) => {
    const { code, stdout, stderr } = await ran(docker, args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout.trim();
  };
  const pidNow = async () => Number(await engine('inspect', '-f', '{{.State.Pid}}', name));
  await engine(
    'run',
    '-d',
    '--name',
    name,
    '--hostname',
    name,
    '--restart=always',
    `--network=${network}`,
    `--ip=${address}`,
    ...(unified ? ['--env=UNIFIED=1'] : []),
    ...FLAGS,
    image,
  );
  let pid = await pidNow();

  const run: SystemdHost['run'] = (script, { stdin, env = {} } = {}) => {
    const variables = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    // By the engine, not by nsenter: what is started belongs to the host's own cgroups.
    return ran(docker, ['exec', '-i', ...variables, name, 'sh', '-c', script], stdin);
  };
  const bootId = async () => (await run('cat /proc/sys/kernel/random/boot_id')).stdout;

  const host: SystemdHost = {
    name,
    address,
    command: [...docker, 'exec', name],
    pid: () => pid,
    path: (path) => `/proc/${pid}/root${path}`,
    run,
    async sh(script, options) {
      const { code, stdout, stderr } = await run(script, options);
      if (code !== 0) throw new Error(`on ${name}: ${script}: exit ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    systemctl: () => ['nsenter', `--target=${pid}`, '--mount', '--pid', '--', 'systemctl'],
    async show(unit, property) {
      const { code, stdout, stderr } = await ran(host.systemctl(), ['show', '-P', property, '--', unit]);
      if (code !== 0) throw new Error(`on ${name}: ${property} of ${unit}: exit ${code}\n${stdout}${stderr}`);
      return stdout.trim();
    },
    async write(path, content) {
      await host.sh(`cat >'${path}'`, { stdin: content });
    },
    async booted() {
      await eventually(`${name} has booted`, async () => {
        const { stdout, stderr } = await run('systemctl is-system-running --wait');
        const state = stdout.trim();
        if (state === 'degraded') throw new Error(await host.sh('systemctl --failed --no-legend --plain'));
        if (state !== 'running') throw new Error(state || stderr);
      });
      pid = await pidNow();
    },
    async reboot() {
      const before = await bootId();
      await run('systemctl reboot');
      await eventually(`${name} is down and up again`, async () => {
        const now = await bootId();
        if (now === '' || now === before) throw new Error('not yet');
      });
      await host.booted();
    },
    async powerOff() {
      await engine('kill', name);
    },
    async powerOn() {
      await engine('start', name);
      await host.booted();
    },
  };
  return host;
}

function ran(
  [command = '', ...first]: readonly string[],
  args: readonly string[],
  stdin: string | Uint8Array = '',
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, [...first, ...args], { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}
