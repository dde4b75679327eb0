import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { logKeys } from './log-keys.ts';

/**
 * Has the cluster's registry a log? It has one from before the cluster can be seen until the cluster is deleted: trimming always
 * leaves an entry. A warm replica can't tell, since to it a deleted log looks like one that nobody writes to.
 */
export function logExists(client: DynamoDBClient, TableName: string): (tenant: string, cluster: string) => Promise<boolean> {
  return async (tenant, cluster) => {
    const { Count = 0 } = await client.send(
      new QueryCommand({
        TableName,
        ConsistentRead: true,
        Limit: 1,
        Select: 'COUNT',
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: logKeys(tenant, `${cluster}/registry`).log } },
      }),
    );
    return Count > 0;
  };
}
