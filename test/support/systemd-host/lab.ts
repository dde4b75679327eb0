import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { canRunDockerd, type Dockerd, startDockerd } from '../dockerd.ts';
import { type HostOptions, type SystemdHost, startHost } from './host.ts';
import { HOST_IMAGE, importHostImage } from './image.ts';

/**
 * Hosts with systemd, in containers of an engine that has a network namespace of its own: nothing of them is seen on this
 * machine's network, and they see nothing of it but what is exposed to them.
 */
export interface SystemdLab {
  /** Where the hosts reach what was exposed. */
  readonly gateway: string;
  /** Starts a host and waits until it has booted. */
  start(name: string, options?: Pick<HostOptions, 'unified'>): Promise<SystemdHost>;
  /** A port of this machine's loopback, for the hosts at `gateway`. */
  expose(port: number): Promise<void>;
  /** No packet comes from the host or gets to it, or only one of both, and nobody is told. */
  cutOff(host: SystemdHost, which?: Packets): void;
  /** As it was cut off. */
  reconnect(host: SystemdHost, which?: Packets): void;
  /** Removes every trace of it. */
  stop(): Promise<void>;
}

export type Packets = 'both' | 'from' | 'to';

/** What iptables calls the end of a packet that the host is. */
const ENDS: Record<Packets, readonly string[]> = { both: ['-s', '-d'], from: ['-s'], to: ['-d'] };

const SUBNET = '10.77.0';
const NETWORK = 'hosts';
const CHAINS = ['INPUT', 'FORWARD', 'OUTPUT'];

/** Can this machine have such hosts? A test that needs them says so instead of failing for want of them. */
export function canRunSystemdHosts(): boolean {
  if (!canRunDockerd()) return false;
  const possible = existsSync('/usr/sbin/init') && existsSync('/usr/bin/dbus-daemon');
  if (!possible) console.warn("skipped what needs hosts with systemd: they run Debian's systemd-sysv and dbus of this machine");
  return possible;
}

export async function startSystemdLab(): Promise<SystemdLab> {
  const directory = mkdtempSync('/tmp/trn-lab-');
  const namespace = basename(directory);
  const inside = ['nsenter', `--net=/run/netns/${namespace}`];
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const relays: ChildProcess[] = [];
  let engine: Dockerd | undefined;
  let hosts = 0;

  execFileSync('ip', ['netns', 'add', namespace]);
  const stop = async () => {
    for (const relay of relays) relay.kill();
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
    await engine?.stop();
    execFileSync('ip', ['netns', 'delete', namespace]);
    rmSync(directory, { recursive: true, force: true });
  };
  const filter = (flag: '-I' | '-D', { address }: SystemdHost, which: Packets) => {
    for (const chain of CHAINS) {
      for (const end of ENDS[which]) {
        const rule = ['iptables', '-w', flag, chain, end, address, '-j', 'DROP'];
        execFileSync(inside[0]!, [...inside.slice(1), ...rule]);
      }
    }
  };

  try {
    execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    engine = await startDockerd({ netns: namespace });
    await importHostImage(engine.socket);
    const docker = ['docker', '-H', `unix://${engine.socket}`];
    execFileSync(docker[0]!, [...docker.slice(1), 'network', 'create', `--subnet=${SUBNET}.0/24`, NETWORK]);
    return {
      gateway: `${SUBNET}.1`,
      async start(name, options = {}) {
        const address = `${SUBNET}.${10 + hosts++}`;
        const host = await startHost({ docker, image: HOST_IMAGE, name, network: NETWORK, address, ...options });
        await host.booted();
        return host;
      },
      async expose(port) {
        const path = join(directory, `${port}.sock`);
        const server = createServer((from) => {
          const to = connect(port, '127.0.0.1');
          for (const [one, other] of [
            [from, to],
            [to, from],
          ] as const) {
            sockets.add(one);
            one.on('error', () => one.destroy()).on('close', () => other.destroy() && sockets.delete(one));
            one.pipe(other);
          }
        });
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(path, resolve));
        const relay = spawn(
          inside[0]!,
          [...inside.slice(1), process.execPath, join(import.meta.dirname, 'relay.mjs'), `${SUBNET}.1`, String(port), path],
          { stdio: ['pipe', 'pipe', 'inherit'] },
        );
        relays.push(relay);
        // It says so when it listens.
        await new Promise((resolve, reject) => {
          relay.stdout.once('data', resolve);
          relay.once('exit', (code) => reject(new Error(`the relay for port ${port} ended (${code})`)));
        });
      },
      cutOff: (host, which = 'both') => filter('-I', host, which),
      reconnect: (host, which = 'both') => filter('-D', host, which),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
