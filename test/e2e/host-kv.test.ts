import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Child } from '../../bin/machine/child.ts';
import { eventually } from '../support/eventually.ts';
import { type Installation, startInstallation } from './support/installation.ts';

const run = promisify(execFile);
const MINUTE = 60_000;

let installation: Installation;
let agent: Child;
/** A socket file: nobody else can have taken it. */
let endpoint = '';

const options = () => ({ name: 'metal', socket: join(installation.dir, 'no-docker'), etcd: endpoint });

beforeAll(async () => {
  installation = await startInstallation();
  endpoint = `unix://${mkdtempSync(join(installation.dir, 'etcd-'))}/etcd.sock`;
  agent = await installation.startAgent(options());
}, 2 * MINUTE);
afterAll(() => installation?.stop(), MINUTE);

async function etcdctl(...args: string[]): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoint };
  return (await run('etcdctl', args, { env, timeout: 20_000 })).stdout;
}

async function killed(child: Child): Promise<void> {
  process.kill(child.pid, 'SIGKILL');
  await eventually('it has ended', () => expect(child.exit()).toBeDefined());
}

describe("a host's etcd, by the public commands only", () => {
  test(
    'serves etcdctl, and goes on when the control plane, and then the agent too, are killed',
    async () => {
      if ((await run('etcdctl', ['version']).catch(() => undefined)) === undefined) {
        console.warn('skipped: there is no etcdctl (Debian: etcd-client)');
        return;
      }
      await eventually('the host serves', async () => expect(await etcdctl('put', 'greeting', 'hello')).toBe('OK\n'));
      expect(await etcdctl('get', 'greeting')).toBe('greeting\nhello\n');
      const { stdout } = await installation.terrane(['kv', 'get', 'greeting']);
      expect(stdout).toBe('greeting\nhello\n');

      await killed(installation.server());
      expect(await etcdctl('get', 'greeting', '--consistency=s')).toBe('greeting\nhello\n');
      // The disk may be slow: what is not there yet would be read from the control plane again.
      await eventually('the copy is on disk', () =>
        expect(existsSync(join(installation.dir, 'agent-metal/kv/snapshot'))).toBe(true),
      );
      await killed(agent);
      // It has joined, and needs no token any more.
      agent = await installation.startAgent({ ...options(), tokenFile: join(installation.dir, 'token-metal') });
      await eventually('the host serves again', async () =>
        expect(await etcdctl('get', 'greeting', '--consistency=s')).toBe('greeting\nhello\n'),
      ).catch((error: Error) => {
        throw new Error(`${error.message}\n${agent.tail()}`, { cause: error });
      });

      await installation.startServer();
      expect((await installation.terrane(['kv', 'put', 'greeting', 'again'])).stdout).toBe('OK\n');
      await eventually('the host reads what is new', async () =>
        expect(await etcdctl('get', 'greeting')).toBe('greeting\nagain\n'),
      );
    },
    2 * MINUTE,
  );
});
