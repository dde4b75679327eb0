import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** Network namespaces as machines, and a switch between them. Needs root. Nothing here is in the machine's own network. */

export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program in a network namespace, and gives what it printed. Throws if it fails. */
export function inside(netns: string, command: string, ...args: string[]): string {
  return execFileSync('nsenter', [`--net=/run/netns/${netns}`, command, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A switch: a bridge in a namespace of its own. */
export function makeSwitch(netns: string): void {
  makeNamespace(netns);
  ip('-n', netns, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', netns, 'link', 'set', 'br0', 'up');
}

export function makeNamespace(netns: string): void {
  ip('netns', 'add', netns);
  ip('-n', netns, 'link', 'set', 'lo', 'up');
}

export interface Plug {
  /** Name of the device in the machine. */
  readonly device: string;
  /** Name of the switch's port. */
  readonly port: string;
  /** With its prefix: 192.168.77.1/24. */
  readonly address: string;
}

/** Plugs a machine into a switch. */
export function plug(machine: string, sw: string, { device, port, address }: Plug): void {
  ip('link', 'add', device, 'netns', machine, 'type', 'veth', 'peer', 'name', port, 'netns', sw);
  ip('-n', sw, 'link', 'set', port, 'master', 'br0', 'up');
  ip('-n', machine, 'addr', 'add', address, 'dev', device);
  ip('-n', machine, 'link', 'set', device, 'up');
}

export interface NatOptions {
  readonly netns: string;
  readonly sw: string;
  /** Its address on the switch, with prefix. */
  readonly wan: string;
  /** Its address towards its machines, with prefix. */
  readonly lan: string;
  /** A new port for each destination, as the worst of routers do: no direct path between two machines behind such. */
  readonly symmetric: boolean;
}

/** A router that hides the machines behind it. */
export function makeNatRouter({ netns, sw, wan, lan, symmetric }: NatOptions): void {
  makeNamespace(netns);
  ip('-n', netns, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', netns, 'addr', 'add', lan, 'dev', 'br0');
  ip('-n', netns, 'link', 'set', 'br0', 'up');
  plug(netns, sw, { device: 'wan', port: `w-${netns.slice(-10)}`, address: wan });
  inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  const rules = `table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade ${symmetric ? 'fully-random' : ''}; }
}
table ip filter {
  chain in { type filter hook input priority filter; policy accept; iifname "wan" drop; }
  chain through {
    type filter hook forward priority filter; policy drop;
    iifname "br0" accept
    ct state established,related accept
  }
}`;
  // What comes unasked is dropped: answered, it would take the port that the machine's own packets are about to get.
  execFileSync('nsenter', [`--net=/run/netns/${netns}`, 'nft', '-f', '-'], { input: rules, stdio: ['pipe', 'ignore', 'pipe'] });
}

/** A router between a switch and a link of its own that hides nobody: both sides know the way through it. */
export function makeRouter({ netns, sw, wan, lan }: Omit<NatOptions, 'symmetric'>): void {
  makeNamespace(netns);
  ip('-n', netns, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', netns, 'addr', 'add', lan, 'dev', 'br0');
  ip('-n', netns, 'link', 'set', 'br0', 'up');
  plug(netns, sw, { device: 'wan', port: `w-${netns.slice(-10)}`, address: wan });
  inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

/** Kills what runs in a namespace, by pid, and waits until it is gone. */
export async function killNamespace(netns: string): Promise<void> {
  for (let pids = pidsIn(netns); pids.length > 0; pids = pidsIn(netns)) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await delay(50);
  }
}

/** Ends what still runs in these namespaces, by pid, and removes them. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  for (const netns of names) {
    for (let round = 0; round < 50; round++) {
      const pids = pidsIn(netns);
      if (pids.length === 0) break;
      for (const pid of pids) {
        try {
          process.kill(pid, round < 5 ? 'SIGTERM' : 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
      await delay(50);
    }
    try {
      ip('netns', 'del', netns);
    } catch {
      // It was never made.
    }
  }
}

function pidsIn(netns: string): number[] {
  try {
    return ip('netns', 'pids', netns)
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid);
  } catch {
    return [];
  }
}
