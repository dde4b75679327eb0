import { DeleteItemCommand, type DynamoDBClient, PutItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../core/ports/clock.ts';
import type { SeenInstance, UpdateInstances } from '../core/ports/update-instances.ts';

/**
 * Instances as items of the tenant table: pk `<tenant>#updates#<cluster>`, sk `<application>/<instance>`, the rest as one JSON text.
 * An item stays below 1 KB, so that a check costs one write unit.
 */
export function dynamoUpdateInstances(client: DynamoDBClient, TableName: string, clock: Clock): UpdateInstances {
  const pk = (tenant: string, cluster: string) => ({ S: `${tenant}#updates#${cluster}` });
  const sk = (application: string, instance: string) => ({ S: `${application}/${instance}` });
  return {
    async put(tenant, cluster, { application, instance, ...rest }, ttl) {
      const Item = {
        pk: pk(tenant, cluster),
        sk: sk(application, instance),
        body: { S: JSON.stringify(rest) },
        ttl: { N: String(Math.ceil((rest.at + ttl) / 1000)) },
      };
      await client.send(new PutItemCommand({ TableName, Item }));
    },
    async list(tenant, cluster) {
      const query = {
        TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk(tenant, cluster) },
      };
      const found: SeenInstance[] = [];
      for await (const page of paginateQuery({ client }, query)) {
        for (const item of page.Items ?? []) {
          // DynamoDB removes what is over within days, not at once.
          if (Number(item['ttl']?.N) * 1000 <= clock.now()) continue;
          const key = item['sk']?.S ?? '';
          const slash = key.lastIndexOf('/');
          const rest = JSON.parse(item['body']?.S ?? '{}') as Omit<SeenInstance, 'application' | 'instance'>;
          found.push({ application: key.slice(0, slash), instance: key.slice(slash + 1), ...rest });
        }
      }
      return found;
    },
    async delete(tenant, cluster, application, instance) {
      await client.send(new DeleteItemCommand({ TableName, Key: { pk: pk(tenant, cluster), sk: sk(application, instance) } }));
    },
  };
}
