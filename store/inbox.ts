import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { reportFingerprint } from '../core/controllers/news.ts';
import { atOnce, overtakenUntil } from '../core/node/heartbeat.ts';
import type { Report } from '../core/node/report.ts';
import type { Inbox, InboxItem } from '../core/ports/inbox.ts';
import { batchGet } from './batch-get.ts';
import { reportCache } from './report-cache.ts';

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
/** From so many on, reading all of the cluster's reports costs less than reading each. */
const QUERY_FROM = 25;

type Item = Record<string, AttributeValue>;

/**
 * Hosts' latest reports, two items of the tenant table for each host. `<tenant>#inbox#<cluster>`, sk the node's name: `body`, the report
 * as gzipped JSON, `fp`, its fingerprint, and `at`. `<tenant>#beat#<cluster>`, sk the node's name: when a report last came (`at`, ms),
 * when the next one is due (`due`, seconds), how long its lease lasts (`lease`, seconds), which one it was (`fp`), and when the push connection ended (`lost`, ms). Most reports say
 * what the last one said: those cost one write unit however long they are, and wake nobody.
 */
export function dynamoInbox(client: DynamoDBClient, TableName: string): Inbox {
  const reports = reportCache();
  const inboxPk = (tenant: string, cluster: string) => ({ S: `${tenant}#inbox#${cluster}` });
  const beatPk = (tenant: string, cluster: string) => ({ S: `${tenant}#beat#${cluster}` });

  async function query(pk: AttributeValue): Promise<Item[]> {
    const items: Item[] = [];
    const input = {
      TableName,
      // A heartbeat that was acknowledged must count, or a host would be given up that isn't silent.
      ConsistentRead: true,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk },
    };
    for await (const { Items = [] } of paginateQuery({ client }, input)) items.push(...Items);
    return items;
  }

  async function take(pk: AttributeValue, nodeName: string): Promise<Item | undefined> {
    const Key = { pk, sk: { S: nodeName } };
    const { Attributes } = await client.send(new DeleteItemCommand({ TableName, Key, ReturnValues: 'ALL_OLD' }));
    return Attributes;
  }

  /** Unless a later one is there, or one of another report than `fp`: answers that, empty if there is none. Never takes the time back. */
  async function putBeat(beat: Item, fp?: AttributeValue): Promise<Item | undefined> {
    const at = Number(beat['at']?.N);
    const inTime = '(attribute_not_exists(#at) OR #at <= :at OR #at >= :to)';
    const input = {
      TableName,
      Item: beat,
      ConditionExpression: fp ? `fp = :fp AND ${inTime}` : inTime,
      ExpressionAttributeNames: { '#at': 'at' },
      ExpressionAttributeValues: { ':at': { N: String(at) }, ':to': { N: String(overtakenUntil(at)) }, ...(fp && { ':fp': fp }) },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } as const;
    try {
      await client.send(new PutItemCommand(input));
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return error.Item ?? {};
      throw error;
    }
  }

  return {
    async put(tenant, cluster, { nodeName, receivedAt, report }, loud = false) {
      const fp = { S: reportFingerprint(report) };
      const at = { N: String(receivedAt) };
      const beat: Item = { pk: beatPk(tenant, cluster), sk: { S: nodeName }, at, fp };
      if (report.withinSeconds !== undefined) beat['due'] = { N: String(report.withinSeconds) };
      if (report.leaseSeconds !== undefined) beat['lease'] = { N: String(report.leaseSeconds) };
      if (!loud) {
        const there = await putBeat(beat, fp);
        const later = there?.['fp']?.S === fp.S ? besides(beat, there) : undefined;
        // What lies there by then is later still, or of another report.
        if (later) await putBeat(later, fp);
        if (!there || there['fp']?.S === fp.S) return 'heartbeat';
      }
      const body = await pack(JSON.stringify(report));
      if (body.length > MAX_BYTES) throw new ReportTooLargeError(nodeName, body.length);
      // The report first: a heartbeat never speaks of one that isn't there.
      const Item = { pk: inboxPk(tenant, cluster), sk: { S: nodeName }, at, fp, body: { B: body } };
      await client.send(new PutItemCommand({ TableName, Item }));
      // One that was overtaken leaves the time as it is; what is told of the report is of the one that lies there.
      for (let next: Item | undefined = beat; next; ) {
        const there: Item | undefined = await putBeat(next);
        next = there && (besides(next, there) ?? { ...there, fp });
      }
      return 'report';
    },

    async markLost(tenant, cluster, nodeName, at) {
      await wrote(
        client.send(
          new UpdateItemCommand({
            TableName,
            Key: { pk: beatPk(tenant, cluster), sk: { S: nodeName } },
            UpdateExpression: 'SET lost = :at',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: { ':at': { N: String(at) } },
          }),
        ),
      );
    },

    async list(tenant, cluster) {
      const beats = await query(beatPk(tenant, cluster));
      const known = reports.of(tenant, cluster);
      const missing = beats.filter(({ sk, fp }) => known.get(sk?.S ?? '')?.fp !== fp?.S);
      const keys = missing.map(({ sk }) => ({ pk: inboxPk(tenant, cluster), sk: sk! }));
      const bodies = keys.length < QUERY_FROM ? await batchGet(client, TableName, keys) : await query(inboxPk(tenant, cluster));
      await Promise.all(
        bodies.map(async ({ sk, fp, body }) => {
          known.set(sk?.S ?? '', { fp: fp?.S ?? '', report: await reportIn(body?.B ?? new Uint8Array()) });
        }),
      );
      reports.keep(tenant, cluster, new Set(beats.map(({ sk }) => sk?.S ?? '')));
      return beats.flatMap((beat) => itemFrom(beat, known.get(beat['sk']?.S ?? '')?.report));
    },

    async delete(tenant, cluster, nodeName) {
      // The heartbeat first: whoever is woken by the report's going finds neither.
      const beat = await take(beatPk(tenant, cluster), nodeName);
      await take(inboxPk(tenant, cluster), nodeName);
      return beat?.['lease']?.N === undefined ? undefined : Number(beat['lease'].N);
    },
  };
}

/** What is to lie there of a report that came at the same time as a later one, as far as clocks can tell; undefined if it was overtaken. */
function besides(beat: Item, there: Item): Item | undefined {
  const [at, later] = [beat, there].map((each) => Number(each['at']?.N)) as [number, number];
  if (!(later > at) || !atOnce(at, later)) return undefined;
  const lease = Math.max(...[beat, there].map((each) => Number(each['lease']?.N ?? 0)));
  return { ...beat, at: { N: String(later) }, ...(lease > 0 && { lease: { N: String(lease) } }) };
}

async function wrote(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Nothing for a report that was removed meanwhile. What tells of the host's next report is the newest heartbeat's. */
function itemFrom({ sk, at, due, lease, lost }: Item, report: Report | undefined): InboxItem[] {
  if (!report) return [];
  const { withinSeconds: _w, leaseSeconds: _l, ...told } = report;
  return [
    {
      nodeName: sk?.S ?? '',
      receivedAt: Number(at?.N),
      report: {
        ...told,
        ...(due?.N !== undefined && { withinSeconds: Number(due.N) }),
        ...(lease?.N !== undefined && { leaseSeconds: Number(lease.N) }),
      },
      ...(lost?.N !== undefined && { lostAt: Number(lost.N) }),
    },
  ];
}

/** It was checked when the host sent it: checking all of them again in every run would cost more than the run. */
async function reportIn(body: Uint8Array): Promise<Report> {
  return JSON.parse((await unpack(body)).toString('utf8')) as Report;
}
