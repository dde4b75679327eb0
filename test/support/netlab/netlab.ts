import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../../../bin/machine/child.ts';
import { type CommandResult, type Installation, inNetns, run, startInstallation } from '../../e2e/support/installation.ts';
import { type Dockerd, startDockerd } from '../dockerd.ts';
import { eventually, explainBy } from '../eventually.ts';
import { importBusybox } from '../images.ts';
import {
  inside,
  ip,
  killNamespace,
  makeNamespace,
  makeNatRouter,
  makeRouter,
  makeSwitch,
  plug,
  removeNamespaces,
} from './namespaces.ts';

/**
 * Hosts as network namespaces joined by a switch: each with a Docker engine and an agent of its own, all in one cluster of an embedded
 * control plane, which is plugged into the same switch. Nothing of it is in the machine's own network. Needs root and Debian's docker.io.
 */
export interface Netlab {
  /** `terrane` commands run beside the control plane. */
  readonly installation: Installation;
  readonly hosts: readonly LabHost[];
  host(name: string): LabHost;
  addHost(name: string, options?: LabHostOptions): Promise<LabHost>;
  /** Plugs a host out, and in again: at the switch, or behind a router that hides nobody. Returns the address that it has there. */
  move(host: LabHost, to: 'switch' | 'router'): string;
  stop(): Promise<void>;
}

export interface LabHost {
  readonly name: string;
  readonly netns: string;
  /** On its own network: 192.168.77.x, or 192.168.1.10 behind a router. */
  readonly address: string;
  readonly engine: Dockerd;
  agent(): Child;
  /** Of its agent; undefined while it has none. */
  logFile(): string | undefined;
  /** Of the hosts that this one watches, those that have answered it, by name: false, if they no longer do. As its agent's metrics have it. */
  peersUp(): Promise<Map<string, boolean>>;
  /** Runs a program in the host's network. */
  run(command: string, ...args: string[]): Promise<CommandResult>;
  /** The same; throws if it fails, and gives what it printed. */
  must(command: string, ...args: string[]): Promise<string>;
  /** `docker ARGS` against its engine; throws if it fails. */
  docker(...args: string[]): Promise<string>;
  /** What passed its network device (pcap) while `during` ran: to be searched for bytes. */
  capture(during: () => Promise<void>): Promise<Buffer>;
  startAgent(): Promise<void>;
  /** SIGKILL: a crash. */
  killAgent(): Promise<void>;
  /** Pulls its cable, or plugs it in again. */
  setLink(state: 'up' | 'down'): void;
  /** As if the power was cut: no packet leaves it any more, and all that runs in its network is killed, its agent and its engine among it. */
  die(): Promise<void>;
}

export interface LabHostOptions {
  /** Behind a router that hides it; all hosts behind routers have the same address. */
  readonly nat?: 'cone' | 'symmetric';
  /** Further flags for its agent. */
  readonly flags?: readonly string[];
  /** False: the host is there, with an engine, but no agent yet. */
  readonly agent?: boolean;
  /** No host's kernel has WireGuard. False: and no program can do it. */
  readonly wireguard?: boolean;
}

export interface NetlabOptions {
  /** Names of the hosts. */
  readonly hosts?: readonly string[];
  /** Flags for all their agents. */
  readonly flags?: readonly string[];
  /** Spec of the cluster's Network, set before the first host joins. */
  readonly network?: object;
}

const CONTROL_PLANE = '192.168.77.254';
const ROUTER = '192.168.77.253';
/**
 * `ip` as on a kernel without WireGuard, whatever the machine's is: else each machine would have its own tests, and that hosts get on without it, by a
 * program or unencrypted, couldn't be shown where the kernel has it.
 */
const IP_WITHOUT_WIREGUARD = `#!/bin/sh
case " $* " in *" type wireguard "*) echo "Error: Unknown device type." >&2; exit 2 ;; esac
PATH=\${PATH#*:} exec ip "$@"
`;
/** The last packet of what is captured. */
const CAPTURED = 'that-was-all';
let labs = 0;

export async function startNetlab(options: NetlabOptions = {}): Promise<Netlab> {
  // At most 15 characters, as devices have it; the pid says whose it is.
  const id = `${process.pid.toString(36)}${(labs++).toString(36)}`;
  const namespaces: string[] = [];
  const hosts: LabHost[] = [];
  const engines: Dockerd[] = [];
  const mounts: string[] = [];
  let installation: Installation | undefined;
  const sw = `tl${id}-sw`;

  const dismiss = explainBy(() => hosts.map(lastLines).join('\n\n'));
  const stop = async () => {
    dismiss();
    await installation?.stop();
    for (const engine of engines) await engine.stop();
    for (const mount of mounts) await run('umount', ['-R', '-l', mount]);
    await removeNamespaces(namespaces);
  };

  const addHost: Netlab['addHost'] = async (name, { nat, flags = [], agent = true, wireguard = true } = {}) => {
    const number = hosts.length + 1;
    const netns = `tl${id}-${number}`;
    const address = nat ? '192.168.1.10' : `192.168.77.${number}`;
    namespaces.push(netns);
    makeNamespace(netns);
    if (nat) {
      const router = `tl${id}-r${number}`;
      namespaces.push(router);
      makeNatRouter({
        netns: router,
        sw,
        wan: `192.168.77.${number}/24`,
        lan: '192.168.1.1/24',
        symmetric: nat === 'symmetric',
      });
      plug(netns, router, { device: 'eth0', port: 'lan0', address: `${address}/24` });
      ip('-n', netns, 'route', 'add', 'default', 'via', '192.168.1.1');
    } else plug(netns, sw, { device: 'eth0', port: `p${number}`, address: `${address}/24` });
    const host = await labHost({
      name,
      netns,
      address,
      installation: installation!,
      flags: [...(options.flags ?? []), ...flags],
      wireguard,
      engines,
      mounts,
    });
    hosts.push(host);
    if (agent) await host.startAgent();
    return host;
  };

  const router = `tl${id}-rt`;
  const home = `tl${id}-cp`;
  const move: Netlab['move'] = (host, to) => {
    const viaRouter = ['route', 'replace', '192.168.78.0/24', 'via', ROUTER];
    if (!namespaces.includes(router)) {
      namespaces.push(router);
      makeRouter({ netns: router, sw, wan: `${ROUTER}/24`, lan: '192.168.78.1/24' });
      for (const netns of [home, ...hosts.map((one) => one.netns)]) ip('-n', netns, ...viaRouter);
    }
    const number = hosts.indexOf(host) + 1;
    const address = `192.168.${to === 'switch' ? 77 : 78}.${number}`;
    ip('-n', host.netns, 'link', 'del', 'eth0');
    // Connections from the address that it had are ended now instead of when they time out.
    inside(host.netns, 'ss', '-K', 'src', '192.168.0.0/16');
    plug(host.netns, to === 'switch' ? sw : router, { device: 'eth0', port: `p${number}`, address: `${address}/24` });
    if (to === 'switch') ip('-n', host.netns, ...viaRouter);
    else ip('-n', host.netns, 'route', 'replace', 'default', 'via', '192.168.78.1');
    return address;
  };

  try {
    namespaces.push(sw);
    makeSwitch(sw);
    namespaces.push(home);
    makeNamespace(home);
    plug(home, sw, { device: 'eth0', port: 'cp', address: `${CONTROL_PLANE}/24` });
    installation = await startInstallation({ netns: home, address: CONTROL_PLANE });
    if (options.network) {
      const network = { apiVersion: 'terrane.dev/v1', kind: 'Network', metadata: { name: 'default' }, spec: options.network };
      const applied = await installation.terrane(['apply', '-f', '-'], { stdin: JSON.stringify(network) });
      if (applied.code !== 0) throw new Error(applied.stderr);
    }
    for (const name of options.hosts ?? []) await addHost(name);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    installation,
    hosts,
    host(name) {
      const found = hosts.find((host) => host.name === name);
      if (!found) throw new Error(`the lab has no host ${name}`);
      return found;
    },
    addHost,
    move,
    stop,
  };
}

/** Of an agent's log, in the message of what it failed to do. */
const LOG_LINES = 30;

function lastLines(host: LabHost): string {
  const file = host.logFile();
  if (file === undefined) return `${host.name} has no agent`;
  return `agent of ${host.name}:\n${readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n')}`;
}

interface LabHostInput {
  readonly name: string;
  readonly netns: string;
  readonly address: string;
  readonly installation: Installation;
  readonly flags: readonly string[];
  readonly wireguard: boolean;
  readonly engines: Dockerd[];
  readonly mounts: string[];
}

async function labHost({
  name,
  netns,
  address,
  installation,
  flags,
  wireguard,
  engines,
  mounts,
}: LabHostInput): Promise<LabHost> {
  const inHost = (command: string, args: readonly string[]) => run('nsenter', [`--net=/run/netns/${netns}`, command, ...args]);
  const must = async (command: string, ...args: string[]) => {
    const result = await inHost(command, args);
    if (result.code !== 0)
      throw new Error(`${command} ${args.join(' ')} on ${name}: exit ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  // As a fresh host: then it is Docker that turns forwarding on, and drops what isn't its own.
  await must('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  const engine = await startDockerd({ netns });
  engines.push(engine);
  await importBusybox(engine.socket);
  const dataDir = join(engine.dir, 'agent');
  mkdirSync(dataDir);
  // Shared with the agent's mount namespace: what it mounts there, the engine must see.
  execFileSync('mount', ['--bind', dataDir, dataDir]);
  mounts.push(dataDir);
  execFileSync('mount', ['--make-shared', dataDir]);
  let agent: Child | undefined;

  return {
    name,
    netns,
    address,
    engine,
    agent() {
      if (!agent) throw new Error(`${name} has no agent yet`);
      return agent;
    },
    logFile: () => agent?.logFile,
    async peersUp() {
      const [, url = ''] = /health and metrics url=(\S+)\/healthz/.exec(readFileSync(agent!.logFile, 'utf8')) ?? [];
      const text = await must('curl', '-fsS', '-m', '5', `${url}/metrics`);
      const lines = text.matchAll(/^terrane_agent_peer_up\{peer="(.*)"\} ([01])$/gm);
      return new Map(Array.from(lines, ([, peer = '', up]) => [peer, up === '1']));
    },
    run: (command, ...args) => inHost(command, args),
    must,
    docker: (...args) => must('docker', '-H', `unix://${engine.socket}`, ...args),
    async capture(during) {
      const file = join(engine.dir, `capture-${Date.now()}.pcap`);
      const child = spawn(
        'nsenter',
        [`--net=/run/netns/${netns}`, 'tcpdump', '-i', 'eth0', '-U', '--immediate-mode', '-s', '0', '-w', file],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        await eventually('tcpdump listens', () => {
          if (!said.includes('listening on')) throw new Error(said || 'not yet');
        });
        await during();
        // What tcpdump hasn't taken from the kernel when it is ended is lost: it has all that passed before this.
        await eventually('tcpdump has seen all', async () => {
          await must('bash', '-c', `echo ${CAPTURED} > /dev/udp/${CONTROL_PLANE}/9`);
          if (!readFileSync(file).includes(CAPTURED)) throw new Error('not yet');
        });
      } finally {
        child.kill('SIGINT');
        await ended;
      }
      return readFileSync(file);
    },
    async startAgent() {
      agent = await installation.startAgent({
        name,
        socket: engine.socket,
        dataDir,
        ...(agent && { tokenFile: join(installation.dir, `token-${name}`) }),
        flags,
        // A place of its own for WireGuard's sockets, which bear the devices' names. Not on a directory of the machine's /run: whoever removes
        // that (rmdir(2) of an empty one) takes with it what is mounted there elsewhere, and all hosts would have one place from then on.
        wrapper: [
          ...inNetns(netns),
          'unshare',
          '--mount',
          '--propagation',
          'unchanged',
          'sh',
          '-c',
          `for place in /run /dev; do mount --make-private $place 2>/dev/null; done
           mount --make-private / && mount -t tmpfs none /run ${wireguard ? '' : '&& mount -t tmpfs none /dev/net'} &&
           mkdir /run/bin && printf %s "$1" > /run/bin/ip && chmod +x /run/bin/ip && shift && PATH=/run/bin:$PATH exec "$@"`,
          'sh',
          IP_WITHOUT_WIREGUARD,
        ],
      });
    },
    async killAgent() {
      const child = agent!;
      process.kill(child.pid, 'SIGKILL');
      await eventually('the agent is dead', () => {
        if (child.exit() === undefined) throw new Error('it lives');
      });
    },
    setLink(state) {
      ip('-n', netns, 'link', 'set', 'eth0', state);
    },
    async die() {
      // First, so that not even the kernel says goodbye for them.
      ip('-n', netns, 'link', 'set', 'eth0', 'down');
      await killNamespace(netns);
    },
  };
}
