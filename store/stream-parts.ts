import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../core/ports/clock.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

export interface StreamPart {
  /** 0, 1, ... */
  readonly number: number;
  /** HTTP status of the answer; from 400 on `bytes` is a message for people. */
  readonly status: number;
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Where the two halves of a stream meet that are in different processes: the reader's and the host's. Tenant table, pk
 * `<tenant>#stream#<cluster>`, sk `<id>`: which node is to send, and `until` when somebody surely reads (ms); sk `<id>#<number>`: what came,
 * gzipped. All expire by themselves (`ttl`, seconds), which costs nothing.
 */
export interface StreamParts {
  open(id: string, nodeName: string): Promise<void>;
  /** Somebody still reads. */
  keep(id: string): Promise<void>;
  close(id: string): Promise<void>;
  /** False if nobody reads it (any more), or another node is to send it. */
  put(id: string, nodeName: string, part: StreamPart): Promise<boolean>;
  /** The parts from `from` on, in order, those that are there. */
  read(id: string, from: number): Promise<StreamPart[]>;
}

/** How long a reader that says nothing counts as one. */
const READER_MS = 30_000;
const LIFETIME_SECONDS = 1_200;
const NUMBER_LENGTH = 8;

export function streamParts(
  client: DynamoDBClient,
  TableName: string,
  clock: Clock,
  tenant: string,
  cluster: string,
): StreamParts {
  const pk = { S: `${tenant}#stream#${cluster}` };
  const numbered = (id: string, number: number) => `${id}#${String(number).padStart(NUMBER_LENGTH, '0')}`;
  const ttl = () => ({ N: String(Math.floor(clock.now() / 1000) + LIFETIME_SECONDS) });
  const until = () => ({ N: String(clock.now() + READER_MS) });
  return {
    async open(id, nodeName) {
      const Item = { pk, sk: { S: id }, node: { S: nodeName }, until: until(), ttl: ttl() };
      await client.send(new PutItemCommand({ TableName, Item }));
    },
    async keep(id) {
      await client.send(
        new UpdateItemCommand({
          TableName,
          Key: { pk, sk: { S: id } },
          UpdateExpression: 'SET #until = :until, #ttl = :ttl',
          ExpressionAttributeNames: { '#until': 'until', '#ttl': 'ttl' },
          ExpressionAttributeValues: { ':until': until(), ':ttl': ttl() },
        }),
      );
    },
    async close(id) {
      await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk: { S: id } } }));
    },
    async put(id, nodeName, { number, status, last, bytes }) {
      const { Item } = await client.send(new GetItemCommand({ TableName, Key: { pk, sk: { S: id } }, ConsistentRead: true }));
      if (Item?.['node']?.S !== nodeName || Number(Item['until']?.N ?? 0) < clock.now()) return false;
      const part = { status: { N: String(status) }, last: { BOOL: last }, data: { B: await pack(bytes) }, ttl: ttl() };
      await client.send(new PutItemCommand({ TableName, Item: { pk, sk: { S: numbered(id, number) }, ...part } }));
      return true;
    },
    async read(id, from) {
      const parts: Promise<StreamPart>[] = [];
      const pages = paginateQuery(
        { client },
        {
          TableName,
          // A part that is older than another must not come after it.
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: { ':pk': pk, ':from': { S: numbered(id, from) }, ':to': { S: `${id}#~` } },
        },
      );
      for await (const { Items = [] } of pages) {
        for (const { sk, status, last, data } of Items) {
          const number = Number(sk?.S?.slice(id.length + 1));
          const head = { number, status: Number(status?.N), last: last?.BOOL ?? false };
          parts.push(unpack(data?.B ?? new Uint8Array()).then((bytes) => ({ ...head, bytes })));
        }
      }
      return Promise.all(parts);
    },
  };
}
