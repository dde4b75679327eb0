import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { DeleteItemCommand, type DynamoDBClient, PutItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import type { Report } from '../core/node/report.ts';
import type { Inbox, InboxItem } from '../core/ports/inbox.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** A report that doesn't fit one item even compressed. The host must report less. */
export class ReportTooLargeError extends Error {
  override readonly name = 'ReportTooLargeError';
  constructor(nodeName: string, bytes: number) {
    super(`the report of ${nodeName} has ${bytes} bytes compressed, at most ${MAX_BYTES} can be kept`);
  }
}

/** DynamoDB's items end at 400 KB, keys and names included. */
const MAX_BYTES = 390_000;

/**
 * Hosts' latest reports as items of the tenant table: pk `<tenant>#inbox#<cluster>`, sk the node's name, `at` when it was received
 * (ms), `body` the report as gzipped JSON. Overwritten without a condition: the last report is the whole truth.
 */
export function dynamoInbox(client: DynamoDBClient, TableName: string): Inbox {
  const pk = (tenant: string, cluster: string) => ({ S: `${tenant}#inbox#${cluster}` });
  return {
    async put(tenant, cluster, { nodeName, receivedAt, report }) {
      const body = await pack(JSON.stringify(report));
      if (body.length > MAX_BYTES) throw new ReportTooLargeError(nodeName, body.length);
      const Item = { pk: pk(tenant, cluster), sk: { S: nodeName }, at: { N: String(receivedAt) }, body: { B: body } };
      await client.send(new PutItemCommand({ TableName, Item }));
    },
    async list(tenant, cluster) {
      const items: Promise<InboxItem>[] = [];
      const query = {
        TableName,
        // A heartbeat that was acknowledged must count, or a host would be given up that isn't silent.
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk(tenant, cluster) },
      };
      for await (const page of paginateQuery({ client }, query)) {
        for (const { sk, at, body } of page.Items ?? [])
          items.push(itemFrom(sk?.S ?? '', Number(at?.N), body?.B ?? new Uint8Array()));
      }
      return Promise.all(items);
    },
    async delete(tenant, cluster, nodeName) {
      await client.send(new DeleteItemCommand({ TableName, Key: { pk: pk(tenant, cluster), sk: { S: nodeName } } }));
    },
  };
}

async function itemFrom(nodeName: string, receivedAt: number, body: Uint8Array): Promise<InboxItem> {
  // It was checked when the host sent it: checking all of them again in every run would cost more than the run.
  const report = JSON.parse((await unpack(body)).toString('utf8')) as Report;
  return { nodeName, receivedAt, report };
}
