import {
  type DynamoDBClient,
  paginateQuery,
  QueryCommand,
  type TransactWriteItem,
  UpdateItemCommand,
  ConditionalCheckFailedException,
} from '@aws-sdk/client-dynamodb';
import { dynamoTable } from '../table.ts';
import { fromItem, type Item, type Row, type Scalar, toAttribute, toItem } from './attributes.ts';

/**
 * A condition or change: DynamoDB's expression with `:name` placeholders, and their values. Attributes are written `#name`, all
 * of them, because any might be one of DynamoDB's 570 reserved words.
 */
export interface Expression {
  readonly expression: string;
  readonly values?: Readonly<Record<string, Scalar>>;
}

/** Items of one table below one prefix: whoever holds it can't name a key outside. Reads are strongly consistent. */
export class KeyedItems {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #prefix: string;

  constructor(client: DynamoDBClient, table: string, prefix: string) {
    this.#client = client;
    this.#table = table;
    this.#prefix = prefix;
  }

  #key(pk: string, sk: string): Item {
    return { pk: { S: `${this.#prefix}${pk}` }, sk: { S: sk } };
  }

  async get<T>(pk: string, sk: string): Promise<T | undefined> {
    // Past the SDK: each request of a host looks up its key.
    const item = await dynamoTable(this.#client, this.#table).get(`${this.#prefix}${pk}`, sk);
    return item && fromItem<T>(item);
  }

  /** All of them, or `limit`, in the order of sk: those with the prefix, or with from <= sk < before. `sk` is added to each. */
  async list<T>(
    pk: string,
    range: { prefix?: string; from?: string; before?: string; limit?: number; newestFirst?: boolean } = {},
  ): Promise<(T & { sk: string })[]> {
    const found: (T & { sk: string })[] = [];
    const { prefix, from, before, limit = Infinity, newestFirst = false } = range;
    const [condition, values] = sortKeys(prefix, from, before);
    let start: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: `pk = :pk${condition}`,
          ExpressionAttributeValues: {
            ':pk': { S: `${this.#prefix}${pk}` },
            ...values,
          },
          ConsistentRead: true,
          ScanIndexForward: !newestFirst,
          ...(Number.isFinite(limit) ? { Limit: limit - found.length } : {}),
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      );
      for (const item of Items) if (item['sk']?.S !== before) found.push(fromItem<T & { sk: string }>(item));
      start = LastEvaluatedKey;
    } while (start && found.length < limit);
    return found;
  }

  /** Removes all items of a part, in no order. Safe to repeat. */
  async clear(pk: string): Promise<void> {
    const input = {
      TableName: this.#table,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `${this.#prefix}${pk}` } },
      ProjectionExpression: 'pk, sk',
      ConsistentRead: true,
    };
    const table = dynamoTable(this.#client, this.#table);
    for await (const { Items = [] } of paginateQuery({ client: this.#client }, input)) {
      await table.deleteAll(Items.map((item) => ({ pk: item['pk']!.S!, sk: item['sk']!.S! })));
    }
  }

  /** A single conditional update outside a transaction. Answers whether the condition held, and the item before or after. */
  async update<T>(
    pk: string,
    sk: string,
    change: Expression,
    condition?: Expression,
  ): Promise<{ ok: boolean; item: T | undefined }> {
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({
          ...expressed(change, condition),
          TableName: this.#table,
          Key: this.#key(pk, sk),
          UpdateExpression: change.expression,
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { ok: true, item: Attributes && fromItem<T>(Attributes) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { ok: false, item: error.Item && fromItem<T>(error.Item) };
    }
  }

  /** Steps of a transaction; see `transact`. */
  create(pk: string, sk: string, row: Row): TransactWriteItem {
    return this.put(pk, sk, row, { expression: 'attribute_not_exists(#pk)' });
  }

  put(pk: string, sk: string, row: Row, condition?: Expression): TransactWriteItem {
    const item = { ...toItem(row), ...this.#key(pk, sk) };
    return {
      Put: { ...expressed(condition), TableName: this.#table, Item: item, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' },
    };
  }

  change(pk: string, sk: string, change: Expression, condition?: Expression): TransactWriteItem {
    return {
      Update: {
        ...expressed(change, condition),
        TableName: this.#table,
        Key: this.#key(pk, sk),
        UpdateExpression: change.expression,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    };
  }

  remove(pk: string, sk: string, condition?: Expression): TransactWriteItem {
    return {
      Delete: {
        ...expressed(condition),
        TableName: this.#table,
        Key: this.#key(pk, sk),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    };
  }

  check(pk: string, sk: string, condition: Expression): TransactWriteItem {
    return {
      ConditionCheck: {
        TableName: this.#table,
        Key: this.#key(pk, sk),
        ...(expressed(condition) as { ConditionExpression: string }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    };
  }
}

function sortKeys(prefix: string | undefined, from: string | undefined, before: string | undefined): [string, Item] {
  if (prefix) return [' AND begins_with(sk, :sk)', { ':sk': { S: prefix } }];
  if (from && before) {
    // BETWEEN wants them in order, and includes both.
    if (from > before) return [' AND sk < :none', { ':none': { S: '!' } }];
    return [' AND sk BETWEEN :from AND :to', { ':from': { S: from }, ':to': { S: before } }];
  }
  if (from) return [' AND sk >= :sk', { ':sk': { S: from } }];
  return before ? [' AND sk < :sk', { ':sk': { S: before } }] : ['', {}];
}

/** Condition, names and values of up to two expressions; the last one is the condition. */
function expressed(...parts: (Expression | undefined)[]) {
  const condition = parts.at(-1);
  const text = parts.map((part) => part?.expression ?? '').join(' ');
  const names = [...new Set(text.match(/#\w+/g))];
  const values = Object.entries(Object.assign({}, ...parts.map((part) => part?.values ?? {})) as Record<string, Scalar>);
  return {
    ...(condition ? { ConditionExpression: condition.expression } : {}),
    ...(names.length ? { ExpressionAttributeNames: Object.fromEntries(names.map((name) => [name, name.slice(1)])) } : {}),
    ...(values.length
      ? { ExpressionAttributeValues: Object.fromEntries(values.map(([k, v]) => [`:${k}`, toAttribute(v)])) }
      : {}),
  };
}
