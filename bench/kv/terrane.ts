import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startChild } from '../../bin/machine/child.ts';
import { type Installation, startInstallation } from '../../test/e2e/support/installation.ts';
import { eventually } from '../../test/support/eventually.ts';
import { freePort, type Target } from './targets.ts';
import { familyOf } from './usage.ts';

const TERRANE = join(import.meta.dirname, '../../dist/terrane.mjs');

/**
 * A host's endpoint: an agent that has joined an embedded server. Neither way is encrypted, as that to etcd isn't. There is no engine:
 * nothing runs on this host.
 */
export async function startTerrane(): Promise<Target> {
  execFileSync(process.execPath, ['--import', 'tsx', 'bin/build.ts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const installation = await startInstallation();
  try {
    return await joined(installation);
  } catch (error) {
    await installation.stop();
    throw error;
  }
}

async function joined(installation: Installation): Promise<Target> {
  const tokenFile = join(installation.dir, 'token');
  writeFileSync(tokenFile, await installation.joinToken(), { mode: 0o600 });
  const port = await freePort();
  const options = {
    server: installation.http,
    'token-file': tokenFile,
    name: 'bench',
    data: join(installation.dir, 'agent'),
    docker: join(installation.dir, 'no-docker.sock'),
    'health-port': '0',
    'etcd-listen': `127.0.0.1:${port}`,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const agent = startChild(
    process.execPath,
    [TERRANE, 'agent', '--pod-network', 'none', ...args],
    join(installation.dir, 'agent.log'),
  );
  try {
    await eventually('the host serves etcd', async () => {
      if (agent.exit() !== undefined) throw new Error(`the agent ended:\n${agent.tail()}`);
      await reachable(port);
    });
  } catch (error) {
    await agent.stop();
    throw error;
  }
  const [server, ...store] = familyOf(installation.server().pid);
  return {
    name: 'terrane',
    port,
    processes: { agent: [agent.pid], server: [server!], store },
    async stop() {
      await agent.stop();
      await installation.stop();
    },
  };
}

function reachable(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
