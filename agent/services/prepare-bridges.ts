import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

/**
 * What the kernel has to be told of bridges whose traffic is routed back to where it came from. `prefix` works elsewhere, e.g.
 * `['nsenter', '--net=/run/netns/h1']`. Throws.
 */
export async function prepareBridges(
  bridges: readonly string[],
  { prefix = [], sysctl = procSysctl }: PrepareOptions = {},
): Promise<void> {
  if (bridges.length === 0) return;
  // Or each pod is told once in a while of a better way to its neighbour, and what is told it then counts as told often enough: refusals
  // are held back. `all` is or-ed with each device's own, which stays as it is for all others.
  for (const device of ['all', ...bridges]) await off(sysctl, `net/ipv4/conf/${device}/send_redirects`);
  // With br_netfilter a Service's packet is rewritten on the bridge, and would leave by the port that it came from: a pod calling itself.
  if ((await sysctl.read('net/bridge/bridge-nf-call-iptables'))?.trim() !== '1') return;
  const ports = JSON.parse((await run([...prefix, 'bridge', '-j', '-d', 'link', 'show'])) || '[]') as readonly BridgePort[];
  const missing = ports.filter(({ master, hairpin }) => master !== undefined && bridges.includes(master) && hairpin !== true);
  if (missing.length === 0) return;
  const batch = missing.map(({ ifname }) => `link set dev ${ifname} hairpin on\n`).join('');
  // A port may have gone meanwhile: the others are set all the same.
  await run([...prefix, 'bridge', '-force', '-batch', '-'], batch).catch(() => undefined);
}

export interface PrepareOptions {
  readonly prefix?: readonly string[];
  readonly sysctl?: Sysctl;
}

export interface Sysctl {
  /** Undefined if there is none of this name. */
  read(name: string): Promise<string | undefined>;
  write(name: string, value: string): Promise<void>;
}

interface BridgePort {
  readonly ifname: string;
  readonly master?: string;
  readonly hairpin?: boolean;
}

const TIMEOUT_MS = 10_000;

/** /proc/sys/net shows the network namespace of who looks. */
const procSysctl: Sysctl = {
  read: (name) => readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined),
  write: (name, value) => writeFile(`/proc/sys/${name}`, value),
};

async function off(sysctl: Sysctl, name: string): Promise<void> {
  const value = await sysctl.read(name);
  if (value !== undefined && value.trim() !== '0') await sysctl.write(name, '0');
}

function run([command, ...args]: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command!, args, { timeout: TIMEOUT_MS }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
