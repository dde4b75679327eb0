import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { openAccounts } from '../../store/accounts/accounts.ts';
import { dynamoUpdateInstances } from '../../store/update-instances.ts';
import { seenUpdateTokens } from '../../store/update-tokens.ts';
import { type InvocationContext, resultOf, type UrlEvent, type UrlResult } from '../hosted/function-url.ts';
import { beforeFreeze, clientIp, serve } from '../hosted/serve.ts';
import { hostedPayloads, hostedTicketKey } from '../hosted/payloads.ts';
import { hostedStore } from '../hosted/store.ts';
import { createUpdates } from './create-updates.ts';

/** Lambda of the public update protocols: what operating systems ask. */

const tokens = seenUpdateTokens();
const store = hostedStore({ onBeside: (...looked) => tokens.seen(...looked) });
const accounts = openAccounts({
  ...store,
  mailer: { send: () => Promise.reject(new Error('the updates function sends no mail')) },
  publicUrl: () => '',
});
const payloads = hostedPayloads(store);
const instances = dynamoUpdateInstances(store.client, store.tables.tenant, store.clock);
const app = new Hono().use(requestId()).route(
  '/',
  createUpdates({
    ...store,
    accounts,
    tokens,
    payloads,
    ticketKey: hostedTicketKey(),
    instances,
    clientIp,
    newUid: randomUUID,
  }),
);

export async function handler(event: UrlEvent, context: InvocationContext): Promise<UrlResult> {
  const result = await resultOf(await serve(app, event, context));
  await beforeFreeze(store, accounts);
  return result;
}
