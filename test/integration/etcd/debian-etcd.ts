import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackedPackage } from '../../support/debian-package.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';

/** Debian's etcd-server, unpacked beside the packages and not installed. Undefined, having said why, if it can't be had. */
export async function findEtcd(): Promise<string | undefined> {
  try {
    return join(await unpackedPackage('etcd-server'), 'usr/bin/etcd');
  } catch (error) {
    console.warn(`etcd is not compared with: ${(error as Error).message.split('\n', 1)[0]}`);
    return undefined;
  }
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
