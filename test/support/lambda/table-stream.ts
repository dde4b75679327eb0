import { setTimeout as pause } from 'node:timers/promises';
import { type DynamoDBClient, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import type { Synthesised } from './synthesised.ts';

const POLL_MS = 50;

interface StreamRecord {
  readonly eventName: string;
  readonly dynamodb: Readonly<Record<string, unknown>>;
}

/** Lambda's event source mapping over a table's stream: filters as the template says, batches of records, failures handed over again. */
export interface TableStream {
  /** While paused nothing is handed over; it waits. */
  paused: boolean;
  /** Records handed over so far. */
  readonly delivered: () => number;
  stop(): Promise<void>;
}

export async function tableStream(options: {
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly table: string;
  readonly synthesised: Synthesised;
  readonly invoke: (event: object) => Promise<unknown>;
}): Promise<TableStream> {
  const { client, endpoint, table, synthesised, invoke } = options;
  await client.send(
    new UpdateTableCommand({
      TableName: table,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  const mapping = Object.values(synthesised.resources).find(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping')!;
  const { FilterCriteria, BatchSize } = mapping.Properties as {
    FilterCriteria: { Filters: { Pattern: string }[] };
    BatchSize: number;
  };
  const patterns = FilterCriteria.Filters.map(({ Pattern }) => JSON.parse(Pattern) as Pattern);

  const call = async <T>(operation: string, body: object): Promise<T> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
        // dynoxide checks no signature, but wants one.
        'x-amz-date': '20261123T150000Z',
        authorization: 'AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x',
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${operation}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const { Streams } = await call<{ Streams: { StreamArn: string }[] }>('ListStreams', { TableName: table });
  const { StreamArn } = Streams[0]!;
  const { StreamDescription } = await call<{ StreamDescription: { Shards: { ShardId: string }[] } }>('DescribeStream', {
    StreamArn,
  });
  const { ShardId } = StreamDescription.Shards[0]!;
  let { ShardIterator } = await call<{ ShardIterator: string }>('GetShardIterator', {
    StreamArn,
    ShardId,
    ShardIteratorType: 'TRIM_HORIZON',
  });

  const stream = { paused: false };
  const stopped = new AbortController();
  let delivered = 0;

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      if (stream.paused) {
        await pause(POLL_MS);
        continue;
      }
      const page = await call<{ Records: StreamRecord[]; NextShardIterator: string }>('GetRecords', {
        ShardIterator,
        Limit: BatchSize,
      });
      const wanted = page.Records.filter((record) => patterns.some((pattern) => matches(pattern, record)));
      if (wanted.length > 0) {
        const Records = wanted.map((record) => ({
          eventVersion: '1.1',
          eventSource: 'aws:dynamodb',
          awsRegion: 'us-east-1',
          eventSourceARN: StreamArn,
          ...record,
        }));
        const { batchItemFailures } = (await invoke({ Records })) as { batchItemFailures: unknown[] };
        // Handed over again, as Lambda does.
        if (batchItemFailures.length > 0) continue;
        delivered += wanted.length;
      }
      ShardIterator = page.NextShardIterator;
      if (page.Records.length === 0) await pause(POLL_MS);
    }
  }

  let failure: unknown;
  const running = run().catch((error: unknown) => {
    failure = error;
  });
  return Object.assign(stream, {
    delivered: () => delivered,
    async stop() {
      stopped.abort();
      await running;
      if (failure) throw failure;
    },
  });
}

type Condition = string | { readonly exists?: boolean; readonly prefix?: string; readonly suffix?: string };
interface Pattern {
  readonly [name: string]: Pattern | readonly Condition[];
}

/** Lambda's event filtering, as far as our template uses it (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html). */
function matches(pattern: Pattern, value: unknown): boolean {
  return Object.entries(pattern).every(([name, inner]) => {
    const part = (value as Record<string, unknown> | undefined)?.[name];
    return Array.isArray(inner) ? inner.some((condition: Condition) => holds(condition, part)) : matches(inner as Pattern, part);
  });
}

function holds(condition: Condition, value: unknown): boolean {
  if (typeof condition === 'string') return condition === value;
  if (condition.exists !== undefined) return (value !== undefined) === condition.exists;
  if (typeof value !== 'string') return false;
  if (condition.suffix !== undefined) return value.endsWith(condition.suffix);
  if (condition.prefix !== undefined) return value.startsWith(condition.prefix);
  throw new Error(`the template filters by ${JSON.stringify(condition)}, which this filter doesn't know`);
}
