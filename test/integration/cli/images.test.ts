import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Io } from '../../../cli/io.ts';
import { createProgram } from '../../../cli/program.ts';
import { runProgram } from '../../../cli/run.ts';
import { type TestImages, testImages } from '../../support/aws/image-registry.ts';
import { openWorld, type World } from '../accounts/world.ts';

/** The command line against the real accounts API over HTTP, with ECR behind it. */
let world: World;
let images: TestImages;
let server: Server;
let directory: string;
let env: Record<string, string>;
let tenant: string;
beforeAll(async () => {
  images = await testImages();
  world = await openWorld({ images: images.registry });
  directory = await mkdtemp(join(tmpdir(), 'terrane-cli-'));
  server = serve({ fetch: world.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  const person = await world.person();
  ({ tenant } = person);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  env = { TERRANE_CONFIG: join(directory, 'config.json'), TERRANE_SERVER: url, TERRANE_TOKEN: person.token };
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
  await world.close();
  images.close();
});

async function terrane(...args: string[]) {
  const written = { out: '', err: '' };
  const output = (name: 'out' | 'err') => ({
    isTerminal: false,
    columns: undefined,
    write: async (chunk: string | Uint8Array) => void (written[name] += String(chunk)),
  });
  const never = () => Promise.reject(new Error('not in this test'));
  const input = { isTerminal: false, readAll: async () => '', ask: never };
  const io: Io = { out: output('out'), err: output('err'), input, env, now: () => world.clock.at, sleep: async () => {} };
  const program = createProgram({ io, version: '0', runServer: never, runAgent: never });
  return { code: await runProgram(program, io, args), ...written };
}

describe('terrane image', () => {
  test('makes a repository and prints what to name in a pod', async () => {
    const { code, out, err } = await terrane('image', 'create', 'web', '--immutable', '--keep', '20');
    expect({ code, out }).toEqual({ code: 0, out: `${images.registry.prefix(tenant)}web\n` });
    expect(err).toContain('terrane image credentials --push --docker');
    const list = await terrane('image', 'list');
    expect(list.out).toMatch(/web\s+immutable\s+newest 20\s/);
    expect(JSON.parse((await terrane('image', 'list', '--json')).out)).toMatchObject({ repositories: [{ name: 'web' }] });
  });

  test('changes only what it is asked to', async () => {
    expect((await terrane('image', 'configure', 'web', '--untagged-days', '3')).out).toBe(
      'web: tags immutable, keeps untagged 3d\n',
    );
    expect((await terrane('image', 'configure', 'web', '--mutable', '--keep-all')).out).toBe('web: tags mutable, keeps all\n');
    expect((await terrane('image', 'configure', 'web')).code).toBe(2);
    expect((await terrane('image', 'configure', 'web', '--keep-all', '--keep', '1')).code).toBe(2);
  });

  test('lists images and what a scan found, and deletes them', async () => {
    const stored = images.service.repositories.get(`terrane-test/${tenant}/web`)!;
    const findings = [{ name: 'CVE-2026-1', severity: 'HIGH' }];
    stored.images.push({ digest: `sha256:${'a'.repeat(64)}`, tags: ['v1', 'latest'], size: 12_300_000, findings });
    expect((await terrane('image', 'tags', 'web')).out).toMatch(/v1,latest\s+12\.3 MB/);
    const scan = await terrane('image', 'scan', 'web:v1');
    expect(scan.err).toContain('web:v1: 1 high');
    expect(scan.out).toMatch(/high\s+CVE-2026-1/);
    expect((await terrane('image', 'scan', 'web')).code).toBe(2);
    expect((await terrane('image', 'delete-image', 'web:latest')).code).toBe(2);
    expect((await terrane('image', 'delete-image', 'web:latest', '--yes')).code).toBe(0);
    expect(stored.images[0]!.tags).toEqual(['v1']);
    const refused = await terrane('image', 'delete', 'web', '--yes');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('terrane image delete NAME --force') });
    expect((await terrane('image', 'delete', 'web', '--force', '--yes')).out).toBe('web deleted\n');
    expect((await terrane('image', 'tags', 'web')).code).toBe(1);
  });

  test('gives what docker logs in with, and keeps the password off the command line of other programs', async () => {
    const { out, err } = await terrane('image', 'credentials', '--push');
    expect(images.service.allows(out.trim(), 'ecr:PutImage', `terrane-test/${tenant}/web`)).toBe(true);
    expect(err).toContain('User AWS at 123456789012.dkr.ecr.us-east-1.amazonaws.com');
    expect((await terrane('image', 'credentials', '--docker')).out).toMatch(
      /^printf %s '[^']+' \| docker login --username 'AWS' --password-stdin '123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com'\n$/,
    );
  });
});
