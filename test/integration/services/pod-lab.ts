import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bridgeOf } from '../../../core/network/names.ts';
import type { Sysctl } from '../../../agent/services/prepare-bridges.ts';
import { inside, ip, makeNamespace, makeSwitch, plug, removeNamespaces } from '../../support/netlab/namespaces.ts';

/**
 * Hosts with pods, all of them network namespaces on one switch, and a client outside. No engine and no agent: what is tested is what
 * tables do to packets. Host `h1` has 192.168.77.1 and pods of 10.244.1.0/24 on the bridge `trn-0af40100`; routes between the hosts are
 * set by hand.
 */
export interface PodLab {
  netns(name: string): string;
  /** Runs `ip netns exec`-like: prefix of a command on a host. */
  prefix(host: string): readonly string[];
  bridge(host: string): string;
  bridgeMac(host: string): string;
  sysctl(host: string): Sysctl;
  /** Calls from a pod, a host or `client`. */
  call(from: string, host: string, port: number, options?: CallOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly protocol?: 'tcp' | 'udp';
  /** UDP: calls with the same `flow` come from the same port. */
  readonly flow?: string;
  readonly ms?: number;
}

/** Who answered, and whom it took for the caller; or why nobody did. */
export interface Answer {
  readonly name?: string;
  readonly from?: string;
  readonly error?: string;
}

export interface PodSpec {
  readonly host: number;
  /** Last number of its address, and ports that it serves. */
  readonly number: number;
  readonly ports: readonly number[];
}

const SCRIPT = fileURLToPath(new URL('./pod-process.mjs', import.meta.url));
let labs = 0;

export function podAddress({ host, number }: PodSpec): string {
  return `10.244.${host}.${number}`;
}

export async function startPodLab(hosts: number, pods: Readonly<Record<string, PodSpec>>): Promise<PodLab> {
  const id = `ps${process.pid.toString(36)}${(labs++).toString(36)}`;
  const netns = (name: string) => `${id}-${name}`;
  const namespaces: string[] = [netns('sw')];
  const processes = new Map<string, PodProcess>();
  const stop = async () => {
    for (const { child } of processes.values()) child.kill('SIGKILL');
    await removeNamespaces(namespaces);
  };
  try {
    makeSwitch(netns('sw'));
    for (let number = 1; number <= hosts; number++) makeHost(netns, namespaces, number, hosts);
    makeMachine(netns, namespaces, 'client', '192.168.77.100/24');
    for (const [name, spec] of Object.entries(pods)) makePod(netns, namespaces, name, spec);
    const places = [
      ...Object.entries(pods).map(([name, { ports }]) => ({ name, ports })),
      ...Array.from({ length: hosts }, (_, index) => ({ name: `h${index + 1}`, ports: [] })),
      { name: 'client', ports: [] },
    ];
    for (const { name, ports } of places) processes.set(name, startProcess(netns(name), name, ports));
    await Promise.all([...processes.values()].map(({ ready }) => ready));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    netns,
    prefix: (host) => ['nsenter', `--net=/run/netns/${netns(host)}`],
    bridge: (host) => bridgeName(Number(host.slice(1))),
    sysctl: (host) => ({
      async read(name) {
        try {
          return inside(netns(host), 'sysctl', '-n', name.replaceAll('/', '.'));
        } catch {
          return undefined;
        }
      },
      async write(name, value) {
        inside(netns(host), 'sysctl', '-qw', `${name.replaceAll('/', '.')}=${value}`);
      },
    }),
    bridgeMac: (host) => {
      const [link] = JSON.parse(inside(netns(host), 'ip', '-j', 'link', 'show', 'type', 'bridge')) as { address: string }[];
      return link!.address;
    },
    call: (from, host, port, options) => processes.get(from)!.call(host, port, options),
    stop,
  };
}

const bridgeName = (host: number) => bridgeOf(`10.244.${host}.0/24`);

function makeMachine(netns: (name: string) => string, namespaces: string[], name: string, address: string): void {
  namespaces.push(netns(name));
  makeNamespace(netns(name));
  plug(netns(name), netns('sw'), { device: 'eth0', port: `p-${name}`, address });
}

function makeHost(netns: (name: string) => string, namespaces: string[], number: number, hosts: number): void {
  const name = netns(`h${number}`);
  const bridge = bridgeName(number);
  makeMachine(netns, namespaces, `h${number}`, `192.168.77.${number}/24`);
  ip('-n', name, 'link', 'add', bridge, 'address', `02:00:00:00:${number.toString(16).padStart(2, '0')}:01`, 'type', 'bridge');
  ip('-n', name, 'addr', 'add', `10.244.${number}.1/24`, 'dev', bridge);
  ip('-n', name, 'link', 'set', bridge, 'up');
  ip('-n', name, 'route', 'add', 'default', 'via', '192.168.77.100');
  for (let other = 1; other <= hosts; other++) {
    if (other !== number) ip('-n', name, 'route', 'add', `10.244.${other}.0/24`, 'via', `192.168.77.${other}`);
  }
  inside(name, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

function makePod(netns: (name: string) => string, namespaces: string[], name: string, spec: PodSpec): void {
  const host = netns(`h${spec.host}`);
  const bridge = bridgeName(spec.host);
  namespaces.push(netns(name));
  makeNamespace(netns(name));
  ip('link', 'add', 'eth0', 'netns', netns(name), 'type', 'veth', 'peer', 'name', `v-${name}`, 'netns', host);
  ip('-n', host, 'link', 'set', `v-${name}`, 'master', bridge, 'up');
  ip('-n', netns(name), 'addr', 'add', `${podAddress(spec)}/24`, 'dev', 'eth0');
  ip('-n', netns(name), 'link', 'set', 'eth0', 'up');
  ip('-n', netns(name), 'route', 'add', 'default', 'via', `10.244.${spec.host}.1`);
}

interface PodProcess {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  call(host: string, port: number, options?: CallOptions): Promise<Answer>;
}

function startProcess(netns: string, name: string, ports: readonly number[]): PodProcess {
  const args = [`--net=/run/netns/${netns}`, process.execPath, SCRIPT, name, ...ports.map(String)];
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  let listening = 0;
  let started: () => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    started = resolve;
    child.once('exit', (code) => reject(new Error(`the process of ${name} ended with ${code}`)));
  });
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const { id, listening: port, ...answer } = JSON.parse(line) as Answer & { id?: number; listening?: number };
    if (port !== undefined && ++listening >= Math.max(1, ports.length)) started();
    if (id !== undefined) waiting.get(id)?.(answer);
  });
  return {
    child,
    ready,
    call(host, port, { protocol = 'tcp', flow, ms = 15_000 } = {}) {
      const id = ++calls;
      child.stdin!.write(`${JSON.stringify({ id, protocol, host, port, from: flow, ms })}\n`);
      return new Promise((resolve) => {
        waiting.set(id, (answer) => {
          waiting.delete(id);
          resolve(answer);
        });
      });
    },
  };
}
