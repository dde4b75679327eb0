import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.ts';
import { familyOf } from './usage.ts';

/** A server of etcd's gRPC API that is running. */
export interface Target {
  readonly name: string;
  readonly port: number;
  /** The processes that serve, by what they are. */
  readonly processes: Readonly<Record<string, readonly number[]>>;
  stop(): Promise<void>;
}

const ETCD = '/usr/bin/etcd';

/** Debian's etcd-server with its defaults: it syncs each commit to the disk. */
export async function startEtcd(): Promise<Target> {
  if (!existsSync(ETCD)) throw new Error('there is nothing to compare with: apt-get install etcd-server');
  const directory = mkdtempSync(join(tmpdir(), 'terrane-bench-etcd-'));
  const [port, peerPort] = [await freePort(), await freePort()];
  const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const flags = {
    'data-dir': directory,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(ETCD, args, { stdio: 'ignore' });
  await eventually('etcd is healthy', async () => {
    if (!(await (await fetch(`${url}/health`)).text()).includes('true')) throw new Error('it is not yet');
  });
  return {
    name: 'etcd',
    port,
    processes: { etcd: familyOf(child.pid!) },
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
