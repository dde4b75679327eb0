import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/etcd');

/** Debian's etcd-server, unpacked beside the packages and not installed. Undefined, having said why, if it can't be had. */
export async function findEtcd(): Promise<string | undefined> {
  try {
    return await unpacked();
  } catch (error) {
    console.warn(`etcd is not compared with: ${(error as Error).message.split('\n', 1)[0]}`);
    return undefined;
  }
}

async function unpacked(): Promise<string> {
  const etcd = join(CACHE, 'root', 'usr', 'bin', 'etcd');
  if (existsSync(etcd)) return etcd;
  await mkdir(CACHE, { recursive: true });
  const isPackage = (name: string) => name.startsWith('etcd-server') && name.endsWith('.deb');
  if (!(await readdir(CACHE)).some(isPackage)) {
    await run('apt-get', ['download', 'etcd-server'], { cwd: CACHE, timeout: 120_000 });
  }
  const file = (await readdir(CACHE)).find(isPackage);
  if (!file) throw new Error('apt-get download etcd-server left no package');
  await run('dpkg-deb', ['-x', file, 'root'], { cwd: CACHE });
  return etcd;
}

export interface RunningEtcd {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it on loopback with a data directory of its own. `more`: other flags. */
export async function startEtcd(binary: string, more: Readonly<Record<string, string>> = {}): Promise<RunningEtcd> {
  const directory = await mkdtemp(join(tmpdir(), 'etcd-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const flags = {
    'data-dir': directory,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    ...more,
  };
  const child = spawn(
    binary,
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    { stdio: 'ignore' },
  );
  const stop = async () => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await eventually('etcd is healthy', async () => {
      if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`);
      if (!(await (await fetch(`${url}/health`)).text()).includes('true')) throw new Error('etcd is not healthy yet');
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
