import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { type Dynoxide, startDynoxide } from '../../../store/dynoxide.ts';
import { guardPort } from '../../../store/port-guard.ts';

const item = { pk: { S: 'a' }, sk: { S: '1' }, text: { S: 'kept' } };

describe('the embedded store', () => {
  let dataDir: string;
  let running: Dynoxide[] = [];
  const start = async (log = silentLogger) => {
    const dynoxide = await startDynoxide({ dataDir, log });
    running.push(dynoxide);
    return dynoxide;
  };

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'terrane-dynoxide-'));
  });
  afterEach(async () => {
    await Promise.all(running.map((dynoxide) => dynoxide.stop()));
    running = [];
    rmSync(dataDir, { recursive: true });
  });

  test('keeps what was written over a stop and a start', async () => {
    const first = await start();
    const client = dynamoClient(first);
    await createTables(client);
    await client.send(new PutItemCommand({ TableName: 'tenant', Item: item }));
    await first.stop();

    const again = dynamoClient(await start());
    await createTables(again);
    const got = await again.send(new GetItemCommand({ TableName: 'tenant', Key: { pk: item.pk, sk: item.sk } }));
    expect(got.Item).toEqual(item);
  });

  test('comes back by itself on the same port when it is killed', async () => {
    const back = new Promise<void>((resolve) => {
      const log = { ...silentLogger, info: (message: string) => message.includes('is back') && resolve() };
      void start(log).then((dynoxide) => process.kill(dynoxide.pid, 'SIGKILL'));
    });
    await back;
    await createTables(dynamoClient(running[0]!));
  });

  test('a second server on the same directory is told whose it is, and the first is not disturbed', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(`in use by another server (process ${process.pid})`);
    await createTables(dynamoClient(first));
  });

  test('a directory is free again when its server stopped', async () => {
    await (await start()).stop();
    await start();
  });

  test('other users of the machine can not connect, and nothing is left behind after the stop', async () => {
    const dynoxide = await start();
    const url = JSON.stringify(dynoxide.endpoint);
    const asUser = (uid: number) =>
      spawnSync('setpriv', [
        '--reuid',
        String(uid),
        '--clear-groups',
        process.execPath,
        '-e',
        `fetch(${url}).then((r) => process.exit(r.status === 200 ? 0 : 2), () => process.exit(3))`,
      ]).status;
    expect([asUser(0), asUser(65534)]).toEqual([0, 3]);
    await dynoxide.stop();
    expect(spawnSync('nft', ['list', 'ruleset']).stdout.toString()).not.toContain(`dport ${new URL(dynoxide.endpoint).port}`);
  });

  test('where the port can not be protected the log says so, and the store runs', async () => {
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const guard = await guardPort(1, dataDir, log, join(dataDir, 'no-such-nft'));
    await guard.release();
    expect(warnings).toEqual([expect.stringContaining('open to other users of this machine')]);
  });

  async function killedServer(): Promise<number> {
    const script = `
      import { startDynoxide } from ${JSON.stringify(join(import.meta.dirname, '../../../store/dynoxide.ts'))};
      const log = { info() {}, warn() {}, error() {} };
      const dynoxide = await startDynoxide({ dataDir: ${JSON.stringify(dataDir)}, log });
      console.log(dynoxide.pid);
      setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const orphan = Number(line.toString());
    server.kill('SIGKILL');
    await once(server, 'exit');
    return orphan;
  }

  test('kill -9 of a server: its store ends with it, and the next server gets the directory', async () => {
    const orphan = await killedServer();
    const next = await start();
    await createTables(dynamoClient(next));
    expect(next.pid).not.toBe(orphan);
    expect(isDynoxide(orphan)).toBe(false);
  });

  test('kill -9 of a server: what it closed is open again when the next one starts, with whatever directory; those that run keep theirs', async () => {
    const first = await start();
    const directory = dataDir;
    dataDir = mkdtempSync(join(tmpdir(), 'terrane-dynoxide-'));
    const guards = () => execFileSync('nft', ['list', 'tables', 'inet'], { encoding: 'utf8' });
    const tableOf = (dir: string) =>
      `terrane_store_${createHash('sha256').update(join(dir, 'store')).digest('hex').slice(0, 12)}`;
    await killedServer();
    const killed = dataDir;
    dataDir = mkdtempSync(join(tmpdir(), 'terrane-dynoxide-'));
    const next = await start();

    expect(guards()).not.toContain(tableOf(killed));
    expect(guards()).toContain(tableOf(directory));
    await Promise.all([first.stop(), next.stop()]);
    for (const dir of [directory, killed]) rmSync(dir, { recursive: true });
  });
});

/** A killed process may stay listed until it is reaped, but has no command line any more. */
function isDynoxide(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--db-path');
  } catch {
    return false;
  }
}
