import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

type Item = Record<string, AttributeValue>;

const BATCH_MAX = 100;

/** The items with these keys, those that exist, as strongly consistent reads, whatever it takes to get all of them. */
export async function batchGet(client: DynamoDBClient, table: string, keys: readonly Item[]): Promise<Item[]> {
  const found: Item[] = [];
  let rest = [...keys];
  while (rest.length > 0) {
    const RequestItems = { [table]: { Keys: rest.slice(0, BATCH_MAX), ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = await client.send(new BatchGetItemCommand({ RequestItems }));
    found.push(...(Responses?.[table] ?? []));
    rest = [...rest.slice(BATCH_MAX), ...(UnprocessedKeys?.[table]?.Keys ?? [])];
  }
  return found;
}
