import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';

export interface ClusterName {
  readonly tenant: string;
  readonly cluster: string;
}

const ORGANISATION = '#org';
const CLUSTER = 'cluster#';

/**
 * Every cluster of every tenant: what the embedded server looks after from its start on. Reads the whole table, which one
 * machine's is small enough for; hosted, the stream and the schedule name the clusters instead.
 */
export async function everyCluster(client: DynamoDBClient, tenantTable: string): Promise<ClusterName[]> {
  const found: ClusterName[] = [];
  const pages = paginateScan(
    { client },
    {
      TableName: tenantTable,
      ConsistentRead: true,
      ProjectionExpression: 'pk, sk',
      FilterExpression: 'begins_with(sk, :cluster)',
      ExpressionAttributeValues: { ':cluster': { S: CLUSTER } },
    },
  );
  for await (const { Items = [] } of pages) {
    for (const { pk, sk } of Items) {
      if (pk?.S?.endsWith(ORGANISATION) && sk?.S)
        found.push({ tenant: pk.S.slice(0, -ORGANISATION.length), cluster: sk.S.slice(CLUSTER.length) });
    }
  }
  return found;
}
