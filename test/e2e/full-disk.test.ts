import { afterEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../cli/config/config.ts';
import { eventually } from '../support/eventually.ts';
import { type Installation, startInstallation } from './support/installation.ts';

/** A disk of 24 MB that the test fills: it needs root to mount one. */
const canMount = process.getuid?.() === 0;
if (!canMount) console.warn('full disk: skipped, mounting a small disk needs root');

let cleanup: (() => Promise<void>) | undefined;
afterEach(async () => {
  await cleanup?.();
  cleanup = undefined;
});

function smallDisk(): { dir: string; fill(): void; free(): void; unmount(): void } {
  const dir = mkdtempSync('/tmp/trn-small-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dir]);
  const ballast = join(dir, 'ballast');
  return {
    dir,
    fill() {
      const { bavail, bsize } = statfsSync(dir);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    },
    free: () => rmSync(ballast),
    unmount() {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

(canMount ? test : test.skip)(
  "the server's disk is full: writes are refused and say so, reads go on, nothing acknowledged is lost, and it heals",
  async () => {
    const disk = smallDisk();
    const dataDir = join(disk.dir, 'server');
    mkdirSync(dataDir);
    const installation: Installation = await startInstallation({ dataDir });
    cleanup = async () => {
      await installation.stop();
      disk.unmount();
    };
    const create = (name: string) =>
      installation.terrane(['apply', '-f', '-'], {
        stdin: `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { x: "${'y'.repeat(20_000)}" }\n`,
      });
    const names = async () => {
      const { stdout } = await installation.terrane(['get', 'configmaps', '-o', 'json']);
      return (JSON.parse(stdout) as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
    };

    const config = JSON.parse(readFileSync(join(installation.dir, 'config.json'), 'utf8')) as Config;
    const { token, cluster } = config.contexts[config.current!]!;
    const etcd = async (path: string, body: object) => {
      const response = await fetch(`${installation.http}/clusters/${cluster!.id}/etcd${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as { message?: string; count?: string } };
    };
    const key = Buffer.from('key').toString('base64');
    const put = () => etcd('/v3/kv/put', { key, value: randomBytes(20_000).toString('base64') });
    expect((await put()).status).toBe(200);

    const acknowledged: string[] = [];
    disk.fill();
    // What is preallocated may take a few more writes.
    const refused = await eventually('a write is refused', async () => {
      const name = `map-${acknowledged.length}`;
      const result = await create(name);
      if (result.code === 0) acknowledged.push(name);
      expect(result.code).not.toBe(0);
      return result;
    });
    expect(refused.stderr).toMatch(/disk|full|store|database/i);
    expect(await names()).toEqual(acknowledged.toSorted());

    const { status, body } = await eventually('a put is refused', async () => {
      const answer = await put();
      expect(answer.status).not.toBe(200);
      return answer;
    });
    expect([status, body.message]).toEqual([429, 'etcdserver: mvcc: database space exceeded']);
    expect((await etcd('/v3/kv/range', { key })).body.count).toBe('1');

    disk.free();
    await eventually('writes are taken again', async () => {
      const result = await create('after');
      expect(result.stderr).toBe('');
      expect(result.code).toBe(0);
    });
    await eventually('puts are taken again', async () => expect((await put()).status).toBe(200));
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    expect(await names()).toEqual([...acknowledged, 'after'].toSorted());
  },
  180_000,
);
