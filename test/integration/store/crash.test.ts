import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AFTER_ALL_KEYS } from '../../../core/keyspace/keys.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { startDynoxide } from '../../../store/dynoxide.ts';
import { type OpenKeyspaces, openKeyspaces } from '../../../store/keyspaces.ts';
import { logFiles } from '../../../store/log-files/log-files.ts';

const clock = { now: () => Date.now() };

describe('crashes in the middle of writing', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'terrane-crash-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  /** Every key ever put, with the revision that did; read back by a process that knows nothing but the store. */
  const stored = async (keyspaces: OpenKeyspaces): Promise<Map<string, number>> => {
    const view = (await keyspaces.open('t', 'c', 'kv')).view();
    return new Map(Array.from(view.range('', AFTER_ALL_KEYS), ({ key, modRevision }) => [key, modRevision]));
  };

  test.each(['table', 'files'])(
    'kill -9 of the server: every commit that it acknowledged is there, at its revision, over and over (entries in the %s)',
    async (kept) => {
      const acknowledged = new Map<string, number>();
      for (const round of ['1', '2', '3']) {
        const server = startServer(dataDir, round, kept);
        // The next kill comes later than the last one, so that each finds another state.
        const enough = acknowledged.size + 60 * Number(round);
        for await (const line of createInterface(server.stdout!)) {
          const [key, revision] = line.split(' ') as [string, string];
          acknowledged.set(key, Number(revision));
          if (acknowledged.size === enough) server.kill('SIGKILL');
        }
        const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
        const client = dynamoClient(dynoxide);
        const files = kept === 'files' ? logFiles(join(dataDir, 'logs')) : undefined;
        const keyspaces = openKeyspaces({ client, table: 'tenant', clock, log: silentLogger, files });
        const found = await stored(keyspaces);
        for (const [key, revision] of acknowledged) expect([key, found.get(key)]).toEqual([key, revision]);
        // What was under way may be there as well, but nothing is there twice: each key was put once, each put has a revision of its own.
        expect(new Set(found.values()).size).toBe(found.size);
        expect(Math.max(...found.values())).toBe(found.size + 1);
        await keyspaces.close();
        client.destroy();
        await dynoxide.stop();
      }
      expect(acknowledged.size).toBeGreaterThan(300);
    },
    60_000,
  );

  test('kill -9 of dynoxide: whoever writes waits a moment, and everything is committed exactly once', async () => {
    const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
    const client = dynamoClient(dynoxide);
    await createTables(client);
    const keyspaces = openKeyspaces({ client, table: 'tenant', clock, log: silentLogger });
    const keyspace = await keyspaces.open('t', 'c', 'kv');
    const acknowledged = new Map<string, number>();
    const KILLS = 4;
    let kills = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; n < 60; n++) {
          const key = `${writer}/${n}`;
          const { revision } = await keyspace.transact((txn) => txn.put(key, new Uint8Array(500)));
          acknowledged.set(key, revision);
          if (kills < KILLS && acknowledged.size > (kills + 1) * 80) {
            kills++;
            process.kill(dynoxide.pid, 'SIGKILL');
          }
        }
      }),
    );
    expect([acknowledged.size, kills]).toEqual([480, KILLS]);
    const another = openKeyspaces({ client, table: 'tenant', clock, log: silentLogger });
    expect(await stored(another)).toEqual(acknowledged);
    const stop = new AbortController();
    const steps: RevisionEvents[] = [];
    const replica = await another.open('t', 'c', 'kv');
    for await (const step of replica.watch({ from: '', to: AFTER_ALL_KEYS }, 0, stop.signal)) {
      steps.push(step);
      if (step.revision === replica.view().revision) stop.abort();
    }
    expect(steps.map(({ revision }) => revision)).toEqual(Array.from({ length: 480 }, (_, n) => n + 2));
    await keyspaces.close();
    await another.close();
    client.destroy();
    await dynoxide.stop();
  }, 60_000);
});

function startServer(dataDir: string, round: string, kept: string): ChildProcess {
  const server = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'crash-server.ts'), dataDir, round, kept],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    },
  );
  let complaints = '';
  server.stderr!.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  void once(server, 'exit').then(([, signal]) => {
    if (signal !== 'SIGKILL') throw new Error(`the server ended by itself: ${complaints}`);
  });
  return server;
}
