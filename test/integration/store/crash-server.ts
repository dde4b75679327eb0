import { join } from 'node:path';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { startDynoxide } from '../../../store/dynoxide.ts';
import { openKeyspaces } from '../../../store/keyspaces.ts';
import { logFiles } from '../../../store/log-files/log-files.ts';

/**
 * A server that does nothing but commit, until it is killed: `crash-server.ts DIRECTORY ROUND table|files`. Prints one line for each
 * commit that was acknowledged: its key and its revision. `files`: entries are kept there, as the embedded server does.
 */
const [dataDir, round, kept] = process.argv.slice(2) as [string, string, string];
const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
const client = dynamoClient(dynoxide);
await createTables(client);
const keyspaces = openKeyspaces({
  client,
  table: 'tenant',
  clock: { now: () => Date.now() },
  log: silentLogger,
  ...(kept === 'files' ? { soleWriter: true, files: logFiles(join(dataDir, 'logs'), { segmentBytes: 50_000 }) } : {}),
});
const keyspace = await keyspaces.open('t', 'c', 'kv');

const WRITERS = 8;
await Promise.all(
  Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; ; n++) {
      const key = `${round}/${writer}/${n}`;
      const { revision } = await keyspace.transact((txn) => txn.put(key, new Uint8Array(500)));
      process.stdout.write(`${key} ${revision}\n`);
      if (n % 20 === 19 && writer === 0) void keyspace.snapshot();
    }
  }),
);
