import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  type PutItemCommandOutput,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { FinalizeRequestMiddleware } from '@smithy/types';
import type { Item } from './log-items.ts';

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
  /** Undefined if it was put; else what was there instead, which is empty if there was nothing. `beforeSend` runs at each attempt. */
  putIf(item: Item, condition: Condition, beforeSend?: () => void): Promise<Item | undefined>;
  /** In any order; all of them, or it throws. */
  deleteAll(keys: readonly { pk: string; sk: string }[]): Promise<void>;
}

const BATCH_MAX = 25;

/** A Table by the AWS SDK. */
export function sdkTable(client: DynamoDBClient, TableName: string): Table {
  const put = (input: Omit<PutItemCommandInput, 'TableName'>) => new PutItemCommand({ TableName, ...input });
  return {
    async get(pk, sk) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName, Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true }),
      );
      return Item;
    },

    async query(pk, from, to, { next, attributes } = {}) {
      const input: QueryCommandInput = {
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':pk': { S: pk }, ':from': { S: from }, ':to': { S: to } },
        ExclusiveStartKey: next,
      };
      if (attributes) {
        input.ProjectionExpression = attributes.map((name) => `#${name}`).join(', ');
        input.ExpressionAttributeNames = Object.fromEntries(attributes.map((name) => [`#${name}`, name]));
      }
      const { Items = [], LastEvaluatedKey } = await client.send(new QueryCommand(input));
      return { items: Items.filter((item) => item['sk']!.S! < to), next: LastEvaluatedKey };
    },

    async put(Item) {
      await client.send(put({ Item }));
    },

    async putIf(Item, { expression, values, names }, beforeSend) {
      const command = put({
        Item,
        ConditionExpression: expression,
        ExpressionAttributeValues: values,
        ExpressionAttributeNames: names,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      if (beforeSend) {
        // After signing: what is sent later than this carries a signature from before it, and AWS refuses old ones.
        const check: FinalizeRequestMiddleware<PutItemCommandInput, PutItemCommandOutput> = (send) => (args) => {
          beforeSend();
          return send(args);
        };
        command.middlewareStack.addRelativeTo(check, {
          relation: 'after',
          toMiddleware: 'httpSigningMiddleware',
          name: 'beforeSend',
        });
      }
      try {
        await client.send(command);
        return undefined;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return error.Item ?? {};
        throw error;
      }
    },

    async deleteAll(keys) {
      for (let at = 0; at < keys.length; at += BATCH_MAX) {
        let requests = keys
          .slice(at, at + BATCH_MAX)
          .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk: { S: pk }, sk: { S: sk } } } }));
        while (requests.length > 0) {
          const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }));
          requests = (UnprocessedItems?.[TableName] ?? []) as typeof requests;
        }
      }
    },
  };
}
