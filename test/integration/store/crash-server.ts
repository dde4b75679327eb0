import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { startDynoxide } from '../../../store/dynoxide.ts';
import { openKeyspaces } from '../../../store/keyspaces.ts';

/**
 * A server that does nothing but commit, until it is killed: `crash-server.ts DIRECTORY ROUND`. Prints one line for each
 * commit that was acknowledged: its key and its revision.
 */
const [dataDir, round] = process.argv.slice(2) as [string, string];
const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
const client = dynamoClient(dynoxide);
await createTables(client);
const keyspaces = openKeyspaces({ client, table: 'tenant', clock: { now: () => Date.now() }, log: silentLogger });
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
