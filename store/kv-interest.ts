import { type DynamoDBClient, paginateQuery, PutItemCommand } from '@aws-sdk/client-dynamodb';

/**
 * Hosts that use their cluster's key-value store now. Tenant table: pk `<tenant>#kvuse#<cluster>`, sk the node's name, `until` ms;
 * the item expires by itself (`ttl`, seconds). One write per host and ten minutes of use; one read per batch of commits.
 */
export function dynamoKvInterest(client: DynamoDBClient, TableName: string) {
  const pk = (tenant: string, cluster: string) => ({ S: `${tenant}#kvuse#${cluster}` });
  return {
    async mark(tenant: string, cluster: string, nodeName: string, until: number): Promise<void> {
      const Item = {
        pk: pk(tenant, cluster),
        sk: { S: nodeName },
        until: { N: String(until) },
        ttl: { N: String(Math.ceil(until / 1000)) },
      };
      await client.send(new PutItemCommand({ TableName, Item }));
    },

    async nodes(tenant: string, cluster: string, now: number): Promise<string[]> {
      const input = {
        TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk(tenant, cluster) },
      };
      const names: string[] = [];
      for await (const { Items = [] } of paginateQuery({ client }, input)) {
        for (const { sk, until } of Items) if (sk?.S && Number(until?.N) > now) names.push(sk.S);
      }
      return names;
    },
  };
}
