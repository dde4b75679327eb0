import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { openAccounts } from '../../store/accounts/accounts.ts';
import { hostedDataKeys } from '../hosted/data-keys.ts';
import { dynamoKvInterest } from '../../store/kv-interest.ts';
import { dynamoUpdateInstances } from '../../store/update-instances.ts';
import { type InvocationContext, resultOf, type UrlEvent, type UrlResult } from '../hosted/function-url.ts';
import { hostedImages } from '../hosted/images.ts';
import { hostedEtcd } from '../hosted/etcd.ts';
import { tableSink } from '../hosted/table-relay.ts';
import { beforeFreeze, clientIp, serve } from '../hosted/serve.ts';
import { hostedTicketKey } from '../hosted/payloads.ts';
import { hostedStore } from '../hosted/store.ts';
import { createNode } from './create-node.ts';

/** Lambda of /node/v1/*: what hosts ask. */

const store = hostedStore();
const accounts = openAccounts({
  ...store,
  mailer: { send: () => Promise.reject(new Error('the node function sends no mail')) },
  publicUrl: () => '',
});
const kv = {
  logs: store.keyspaces,
  keyspaces: store.keyspaces,
  services: hostedEtcd(store),
  interest: dynamoKvInterest(store.client, store.tables.tenant),
};
const app = new Hono()
  .use(requestId())
  // The inbox's stream wakes the reconciler.
  .route(
    '/',
    createNode({
      ...store,
      accounts,
      dataKeys: hostedDataKeys(store),
      images: hostedImages(store),
      streams: tableSink(store),
      kv,
      updates: {
        instances: dynamoUpdateInstances(store.client, store.tables.tenant, store.clock),
        ticketKey: hostedTicketKey(),
        newUid: randomUUID,
      },
      clientIp,
      onReport: () => {},
    }),
  );

export async function handler(event: UrlEvent, context: InvocationContext): Promise<UrlResult> {
  const result = await resultOf(await serve(app, event, context));
  await beforeFreeze(store, accounts);
  return result;
}
