import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { EMBEDDED_REGION } from './dynamo-calls.ts';

/** Names of the two tables. Both have the string keys `pk` and `sk`, and `ttl` (seconds) as their time to live. */
export interface TableNames {
  readonly tenant: string;
  readonly identity: string;
}

export const EMBEDDED_TABLES: TableNames = { tenant: 'tenant', identity: 'identity' };

export interface DynamoOptions {
  /** Of dynoxide; without it the SDK finds region, credentials and endpoint as always (Lambda's environment). */
  readonly endpoint?: string;
  /** Attempts a call makes in all, with the SDK's backoff between. Default 4. */
  readonly maxAttempts?: number;
}

/** Enough to keep a busy server's calls from queueing; connections are kept alive. */
const SOCKETS_MAX = 64;
const TIMEOUT_MS = { connect: 2_000, request: 10_000 };

/** The process' one client: share it, so that connections are kept and reused. */
export function dynamoClient(options: DynamoOptions = {}): DynamoDBClient {
  const sockets = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return new DynamoDBClient({
    maxAttempts: options.maxAttempts ?? 4,
    requestHandler: {
      connectionTimeout: TIMEOUT_MS.connect,
      requestTimeout: TIMEOUT_MS.request,
      httpAgent: new Agent(sockets),
      httpsAgent: new SecureAgent(sockets),
    },
    // dynoxide checks no signature, but wants one.
    ...(options.endpoint
      ? {
          endpoint: options.endpoint,
          region: EMBEDDED_REGION,
          credentials: { accessKeyId: 'embedded', secretAccessKey: 'embedded' },
        }
      : {}),
  });
}

/** Makes the tables of the embedded store if they are missing. Hosted, lib/ makes them. */
export async function createTables(client: DynamoDBClient, names: TableNames = EMBEDDED_TABLES): Promise<void> {
  await Promise.all([createTable(client, names.tenant), createTable(client, names.identity)]);
}

async function createTable(client: DynamoDBClient, TableName: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
      }),
    );
  } catch (error) {
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  // dynoxide answers CREATING once and is ready.
  await client.send(new DescribeTableCommand({ TableName }));
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' } }));
}
