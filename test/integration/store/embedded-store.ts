import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../../store/dynamodb.ts';
import { type Dynoxide, startDynoxide } from '../../../store/dynoxide.ts';
import { dynamoTable, type Table } from '../../../store/table.ts';

/** A real embedded store in a directory of its own. */
export interface EmbeddedStore {
  readonly dynoxide: Dynoxide;
  readonly client: DynamoDBClient;
  /** The tenant table. */
  readonly table: Table;
  stop(): Promise<void>;
}

export async function embeddedStore(): Promise<EmbeddedStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-store-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  const client = dynamoClient(dynoxide);
  await createTables(client);
  return {
    dynoxide,
    client,
    table: dynamoTable(client, 'tenant'),
    async stop() {
      client.destroy();
      await dynoxide.stop();
      rmSync(dataDir, { recursive: true });
    },
  };
}
