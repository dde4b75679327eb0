import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../bin/machine/child.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../support/dockerd.ts';
import { eventually } from '../support/eventually.ts';
import { type CommandResult, type Installation, startInstallation } from './support/installation.ts';

/** What a user meets when something is wrong: a clear message, what to do, and nothing half done. */

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
}, 120_000);
afterAll(() => installation?.stop(), 60_000);

const apply = (manifest: string): Promise<CommandResult> => installation.terrane(['apply', '-f', '-'], { stdin: manifest });

async function nothingWasCreated(): Promise<void> {
  for (const kind of ['pods', 'deployments', 'configmaps']) {
    const { items } = JSON.parse((await installation.terrane(['get', kind, '-o', 'json'])).stdout) as { items: unknown[] };
    expect(items).toEqual([]);
  }
}

const pod = (name: string, spec: string): string => `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
const deployment = (extra: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { ${extra} selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: web }] } } }
`;

describe('a bad manifest', () => {
  test.each([
    ['malformed YAML', 'apiVersion: v1\nkind: [unclosed\nmetadata:\n', /line 2|line 3/],
    ['an unknown kind', 'apiVersion: v1\nkind: Pood\nmetadata: { name: x }\n', /Pood/],
    ['an unknown field', deployment('replcas: 3,'), /replcas/],
    ['a wrong type', deployment('replicas: three,'), /replicas/],
    ['a name that is too long', `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${'x'.repeat(254)} }\n`, /253/],
    [
      'a body that is too large',
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: big }\ndata: { x: "${'x'.repeat(2_000_000)}" }\n`,
      /too large/i,
    ],
  ])('%s is refused with a message that names it', async (_what, manifest, message) => {
    const result = await apply(manifest);
    expect(result.code).toBe(1);
    expect(result.stdout + result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    await nothingWasCreated();
  });
});

describe('a bad join token', () => {
  async function joinError(token: string): Promise<string> {
    const file = join(installation.dir, 'bad-token');
    writeFileSync(file, token);
    const agent = await installation.startAgent({
      name: 'refused',
      socket: '/nonexistent.sock',
      tokenFile: file,
      dataDir: join(installation.dir, `agent-${Math.random()}`),
    });
    try {
      return await eventually('the agent says why it could not join', () => {
        const log = readFileSync(agent.logFile, 'utf8');
        expect(log).toMatch(/token/);
        return log;
      });
    } finally {
      await agent.stop();
    }
  }

  test('a garbled one is told from a wrong one', async () => {
    const token = await installation.joinToken();
    const garbled = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
    expect(await joinError(garbled)).toMatch(/garbled|check ?sum|copied|truncated/i);
  });

  test('a used one says that it was used and how to get another', async () => {
    const token = await installation.joinToken();
    const file = join(installation.dir, 'once');
    writeFileSync(file, token);
    const first = await installation.startAgent({ name: 'first', socket: '/nonexistent.sock', tokenFile: file });
    await eventually('the first host has joined', () => expect(readFileSync(first.logFile, 'utf8')).toMatch(/joined/));
    await first.stop();
    const message = await joinError(token);
    expect(message).toMatch(/used/);
    expect(message).toMatch(/terrane token create/);
    await installation.terrane(['node', 'remove', 'first', '--yes']);
  });
});

test('an unreachable server: the agent goes on trying, and says so and when', async () => {
  const file = join(installation.dir, 'some-token');
  writeFileSync(file, await installation.joinToken());
  const agent = startChild(
    process.execPath,
    [join(import.meta.dirname, '../../dist/terrane.mjs'), 'agent', '--server', 'http://127.0.0.1:1', '--token-file', file].concat(
      ['--data', join(installation.dir, 'agent-nowhere'), '--docker', '/nonexistent.sock', '--health-port', '0'],
    ),
    join(installation.dir, 'agent-nowhere.log'),
  );
  await eventually('it has said twice that it will try again', () => {
    expect(readFileSync(agent.logFile, 'utf8').match(/ECONNREFUSED/g)?.length).toBeGreaterThan(1);
  });
  expect(agent.exit()).toBeUndefined();
  expect(readFileSync(agent.logFile, 'utf8')).toMatch(/retry|again/i);
  await agent.stop();
});

test('a host without Docker is a node that is NotReady and says why', async () => {
  const agent = await installation.startAgent({ name: 'bare', socket: join(installation.dir, 'no-docker.sock') });
  await eventually('the node says why', async () => {
    const { items } = JSON.parse((await installation.terrane(['get', 'nodes', '-o', 'json'])).stdout) as { items: Node[] };
    const ready = items[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({
      status: 'False',
      reason: 'DockerUnavailable',
      message: expect.stringContaining('no-docker.sock'),
    });
  });
  const status = await installation.terrane(['status']);
  expect(status.stdout).toMatch(/bare.*NotReady/s);
  expect(status.stdout).toMatch(/Docker/);
  await agent.stop();
}, 60_000);

(canRunDockerd() ? test : test.skip)(
  'an image that does not exist: the pod says ErrImagePull and the reason',
  async () => {
    let engine: Dockerd | undefined;
    try {
      engine = await startDockerd();
      await installation.startAgent({ name: 'worker', socket: engine.socket });
      expect((await apply(pod('missing-image', '{ containers: [{ name: main, image: "127.0.0.1:1/no/such:1" }] }'))).code).toBe(
        0,
      );
      await eventually('the pod says why it waits', async () => {
        const result = await installation.terrane(['get', 'pod', 'missing-image', '-o', 'json']);
        const waiting = (JSON.parse(result.stdout) as Pod).status?.containerStatuses?.[0]?.state.waiting;
        expect(waiting?.reason).toMatch(/ErrImagePull|ImagePullBackOff/);
        expect(waiting?.message).toMatch(/127\.0\.0\.1:1/);
      });
      expect((await installation.terrane(['describe', 'pod', 'missing-image'])).stdout).toMatch(/ErrImagePull|Failed/);
    } finally {
      await engine?.stop();
    }
  },
  120_000,
);

test('a second server on the same data directory is refused, and told who has it', async () => {
  const second = startChild(
    process.execPath,
    [join(import.meta.dirname, '../../dist/terrane.mjs'), 'server', '--data', join(installation.dir, 'server')].concat([
      '--listen',
      '127.0.0.1:0',
      '--tls-listen',
      '127.0.0.1:0',
    ]),
    join(installation.dir, 'second-server.log'),
  );
  await eventually('it has ended', () => expect(second.exit()).toBe('exit code 1'));
  expect(readFileSync(second.logFile, 'utf8')).toContain(String(installation.server().pid));
  expect((await installation.terrane(['whoami'])).code).toBe(0);
});
