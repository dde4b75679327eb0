import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoError, dynamoCalls } from './dynamo-calls.ts';
import type { Item } from './log-items.ts';
import { fromWire, toWire, type WireItem } from './wire-item.ts';

export interface Page {
  readonly items: Item[];
  /** Where to go on (exclusive start), if the answer was cut. */
  readonly next: Item | undefined;
}

export interface Condition {
  readonly expression: string;
  readonly values?: Item;
  readonly names?: Record<string, string>;
}

/** The few calls that logs and snapshots make, on one table with the string keys pk and sk. Reads are strongly consistent. */
export interface Table {
  get(pk: string, sk: string): Promise<Item | undefined>;
  /** Items with `from <= sk < to`, ascending, one page (1 MB). */
  query(pk: string, from: string, to: string, options?: { next?: Item; attributes?: readonly string[] }): Promise<Page>;
  put(item: Item): Promise<void>;
  /**
   * Undefined if it was put; else what was there instead, which is empty if there was nothing. Sent once: after any error it may
   * have landed. `beforeSend` runs after signing, right before; what it throws ends the call.
   */
  putIf(item: Item, condition: Condition, beforeSend?: () => void): Promise<Item | undefined>;
  /** In any order; all of them, or it throws. */
  deleteAll(keys: readonly { pk: string; sk: string }[]): Promise<void>;
}

const BATCH_MAX = 25;

/** A table of the client's account. Calls go past the SDK (dynamo-calls.ts). */
export function dynamoTable(client: DynamoDBClient, TableName: string): Table {
  const call = dynamoCalls(client);
  return {
    async get(pk, sk) {
      const Key = { pk: { S: pk }, sk: { S: sk } };
      const { Item } = await call<{ Item?: WireItem }>('GetItem', { TableName, Key, ConsistentRead: true });
      return Item && fromWire(Item);
    },

    async query(pk, from, to, { next, attributes } = {}) {
      const { Items = [], LastEvaluatedKey } = await call<{ Items?: WireItem[]; LastEvaluatedKey?: WireItem }>('Query', {
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':pk': { S: pk }, ':from': { S: from }, ':to': { S: to } },
        ...(next ? { ExclusiveStartKey: toWire(next) } : {}),
        ...(attributes
          ? {
              ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
              ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
            }
          : {}),
      });
      const items = Items.map(fromWire).filter((item) => item['sk']!.S! < to);
      return { items, next: LastEvaluatedKey && fromWire(LastEvaluatedKey) };
    },

    async put(item) {
      await call('PutItem', { TableName, Item: toWire(item) });
    },

    async putIf(item, { expression, values, names }, beforeSend) {
      const input = {
        TableName,
        Item: toWire(item),
        ConditionExpression: expression,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        ...(values ? { ExpressionAttributeValues: toWire(values) } : {}),
        ...(names ? { ExpressionAttributeNames: names } : {}),
      };
      try {
        await call('PutItem', input, { attempts: 1, beforeSend });
        return undefined;
      } catch (error) {
        if (error instanceof DynamoError && error.name === 'ConditionalCheckFailedException') return error.item ?? {};
        throw error;
      }
    },

    async deleteAll(keys) {
      for (let at = 0; at < keys.length; at += BATCH_MAX) {
        let requests: unknown[] = keys
          .slice(at, at + BATCH_MAX)
          .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk: { S: pk }, sk: { S: sk } } } }));
        while (requests.length > 0) {
          const { UnprocessedItems } = await call<{ UnprocessedItems?: Record<string, unknown[]> }>('BatchWriteItem', {
            RequestItems: { [TableName]: requests },
          });
          requests = UnprocessedItems?.[TableName] ?? [];
        }
      }
    },
  };
}
