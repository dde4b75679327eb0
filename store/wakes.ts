import { DeleteItemCommand, type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';

/** A cluster that wants to be looked at at a certain time although nothing changes. */
export interface Wake {
  readonly tenant: string;
  readonly cluster: string;
  /** ms since the epoch, a whole minute: the clock that asks ticks once a minute. */
  readonly at: number;
}

/**
 * Alarm clocks of clusters, in the identity table: pk `wake`, sk `<time>#<tenant>#<cluster>`. One query finds what is due, of all
 * tenants and however late; an installation without clusters has none and pays for one empty query a minute.
 */
export interface Wakes {
  /** The same minute again is the same alarm. */
  set(tenant: string, cluster: string, at: number): Promise<Wake>;
  /** Those whose time has come, the oldest first, at most `limit`. */
  due(now: number, limit: number): Promise<Wake[]>;
  clear(wake: Wake): Promise<void>;
}

const PK = { S: 'wake' };
const MINUTE_MS = 60_000;
const SHORTEST_KEY = 16;

export function dynamoWakes(client: DynamoDBClient, TableName: string): Wakes {
  const keyOf = ({ tenant, cluster, at }: Wake) => ({ pk: PK, sk: { S: `${timeKey(at)}#${tenant}#${cluster}` } });
  return {
    async set(tenant, cluster, at) {
      const wake = { tenant, cluster, at: Math.ceil(at / MINUTE_MS) * MINUTE_MS };
      await client.send(new PutItemCommand({ TableName, Item: keyOf(wake) }));
      return wake;
    },
    async due(now, limit) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :pk AND sk < :after',
          ExpressionAttributeValues: { ':pk': PK, ':after': { S: timeKey(now + 1) } },
          Limit: limit,
        }),
      );
      return Items.map(({ sk }) => {
        const [at, tenant, cluster] = sk!.S!.split('#');
        return { tenant: tenant!, cluster: cluster!, at: Number(at) };
      });
    },
    async clear(wake) {
      await client.send(new DeleteItemCommand({ TableName, Key: keyOf(wake) }));
    },
  };
}

function timeKey(at: number): string {
  return String(at).padStart(SHORTEST_KEY, '0');
}
