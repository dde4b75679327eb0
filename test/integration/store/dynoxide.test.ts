import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { type Dynoxide, startDynoxide } from '../../../store/dynoxide.ts';

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

  test('kill -9 of a server: its store ends with it, and the next server gets the directory', async () => {
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

    const next = await start();
    await createTables(dynamoClient(next));
    expect(next.pid).not.toBe(orphan);
    expect(isDynoxide(orphan)).toBe(false);
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
