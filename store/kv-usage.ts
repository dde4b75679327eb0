import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { KvUsage } from '../core/ports/kv-usage.ts';
import type { Item } from './log-items.ts';
import { dynamoTable } from './table.ts';

/** Sorts after every id of a cluster. */
const AFTER_ALL = '~';

/** Items of the tenant table: pk `<tenant>#kvusage`, sk the cluster, `bytes` what its key-value store takes. The quota is the organisation's. */
export function dynamoKvUsage(client: DynamoDBClient, tableName: string): (tenant: string) => KvUsage {
  const table = dynamoTable(client, tableName);
  return (tenant) => {
    const pk = `${tenant}#kvusage`;
    return {
      report: (cluster, bytes) => table.put({ pk: { S: pk }, sk: { S: cluster }, bytes: { N: String(bytes) } }),
      async others(cluster) {
        let sum = 0;
        let next: Item | undefined;
        do {
          const page = await table.query(pk, '0', AFTER_ALL, { next });
          for (const { sk, bytes } of page.items) if (sk!.S !== cluster) sum += Number(bytes?.N);
          next = page.next;
        } while (next);
        return sum;
      },
      async quota() {
        const limit = (await table.get(`${tenant}#org`, 'organisation'))?.['kvByteLimit']?.N;
        return limit === undefined ? undefined : Number(limit);
      },
    };
  };
}
