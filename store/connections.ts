import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../core/ports/clock.ts';
import type { HostPrincipal } from '../core/ports/identity.ts';
import type { TableNames } from './dynamodb.ts';

export type ConnectedHost = Pick<HostPrincipal, 'tenant' | 'cluster' | 'nodeName'>;

/**
 * Which push connection each host has. Tenant table: pk `<tenant>#conn#<cluster>`, sk the node's name, `id` the connection.
 * Identity table: pk `conn#<id>`, sk `_`, whose it is: at its end API Gateway names only the connection. Both expire by themselves
 * (`ttl`, seconds), as the end of a connection is told at best effort.
 */
export interface PushConnections {
  /** The host's newest connection takes the place of an older one. */
  add(host: HostPrincipal, connectionId: string): Promise<void>;
  /**
   * The connection has ended. Answers the host that is without one now; undefined when a newer one took its place, or when the connection is
   * unknown.
   */
  remove(connectionId: string): Promise<ConnectedHost | undefined>;
  /** Node name -> connection, of those that have one. */
  find(tenant: string, cluster: string, nodeNames: readonly string[]): Promise<Map<string, string>>;
}

/** API Gateway ends connections after 2 h; a little more, for clocks and DynamoDB's own pace. */
const LIFETIME_SECONDS = 2 * 3600 + 600;
const BATCH_MAX = 100;
/** From here on reading all of the cluster's costs less than reading each. */
const QUERY_FROM = 25;
const ONLY = '_';

export function pushConnections(client: DynamoDBClient, tables: TableNames, clock: Clock): PushConnections {
  const ofHost = (tenant: string, cluster: string, nodeName: string) => ({
    pk: { S: `${tenant}#conn#${cluster}` },
    sk: { S: nodeName },
  });
  const ofConnection = (id: string) => ({ pk: { S: `conn#${id}` }, sk: { S: ONLY } });

  return {
    async add({ tenant, cluster, nodeName }, id) {
      const ttl = { N: String(Math.floor(clock.now() / 1000) + LIFETIME_SECONDS) };
      const whose = { tenant: { S: tenant }, cluster: { S: cluster }, node: { S: nodeName } };
      // The way back first: a connection that can't be removed would be tried with each hint until it expires.
      await client.send(new PutItemCommand({ TableName: tables.identity, Item: { ...ofConnection(id), ...whose, ttl } }));
      const Item = { ...ofHost(tenant, cluster, nodeName), id: { S: id }, ttl };
      await client.send(new PutItemCommand({ TableName: tables.tenant, Item }));
    },

    async remove(id) {
      const { Attributes } = await client.send(
        new DeleteItemCommand({ TableName: tables.identity, Key: ofConnection(id), ReturnValues: 'ALL_OLD' }),
      );
      const [tenant, cluster, node] = [Attributes?.['tenant']?.S, Attributes?.['cluster']?.S, Attributes?.['node']?.S];
      if (!tenant || !cluster || !node) return undefined;
      try {
        await client.send(
          new DeleteItemCommand({
            TableName: tables.tenant,
            Key: ofHost(tenant, cluster, node),
            ConditionExpression: '#id = :id',
            ExpressionAttributeNames: { '#id': 'id' },
            ExpressionAttributeValues: { ':id': { S: id } },
          }),
        );
        return { tenant, cluster, nodeName: node };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return undefined;
      }
    },

    async find(tenant, cluster, nodeNames) {
      if (nodeNames.length >= QUERY_FROM) return query(tenant, cluster, new Set(nodeNames));
      const found = new Map<string, string>();
      let keys = nodeNames.map((name) => ofHost(tenant, cluster, name));
      while (keys.length > 0) {
        const batch = keys.slice(0, BATCH_MAX);
        const RequestItems = { [tables.tenant]: { Keys: batch } };
        const { Responses, UnprocessedKeys } = await client.send(new BatchGetItemCommand({ RequestItems }));
        for (const { sk, id } of Responses?.[tables.tenant] ?? []) if (sk?.S && id?.S) found.set(sk.S, id.S);
        keys = [...keys.slice(BATCH_MAX), ...((UnprocessedKeys?.[tables.tenant]?.Keys ?? []) as typeof keys)];
      }
      return found;
    },
  };

  async function query(tenant: string, cluster: string, nodeNames: ReadonlySet<string>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const input = {
      TableName: tables.tenant,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `${tenant}#conn#${cluster}` } },
    };
    for await (const { Items = [] } of paginateQuery({ client }, input)) {
      for (const { sk, id } of Items) if (sk?.S && id?.S && nodeNames.has(sk.S)) found.set(sk.S, id.S);
    }
    return found;
  }
}
