import type { HostPrincipal } from '../../core/ports/identity.ts';
import { openAccounts } from '../../store/accounts/accounts.ts';
import { pushConnections } from '../../store/connections.ts';
import { dynamoClient } from '../../store/dynamodb.ts';
import { dynamoInbox } from '../../store/inbox.ts';
import { required } from '../hosted/environment.ts';
import { visitorOf, wrongDoor } from '../hosted/front-door.ts';
import { lambdaLogger } from '../hosted/logger.ts';
import { hostAuthenticator } from '../node/host-auth.ts';
import { type SocketEvent, type SocketResult, socketResult, upgradeRequest } from './socket-events.ts';

/** Lambda of the WebSocket API: hosts connect (signed, as all they ask), send nothing that matters, and leave. */

const log = lambdaLogger();
const clock = { now: () => Date.now() };
const tables = { tenant: required('tenantTable'), identity: required('identityTable') };
const client = dynamoClient();
const connections = pushConnections(client, tables, clock);
const inbox = dynamoInbox(client, tables.tenant);
const accounts = openAccounts({
  client,
  tables,
  clock,
  log,
  mailer: { send: () => Promise.reject(new Error('the push function sends no mail')) },
  publicUrl: () => '',
});
const authenticate = hostAuthenticator({ accounts, clock });

export async function handler(event: SocketEvent): Promise<SocketResult> {
  const { connectionId, routeKey } = event.requestContext;
  if (routeKey === '$connect') return connect(event, connectionId);
  if (routeKey === '$disconnect') await disconnect(connectionId);
  return { statusCode: 200 };
}

/** A host that has no newer connection is to report, or is gone: from now on its time is running. */
async function disconnect(connectionId: string): Promise<void> {
  const lost = await connections.remove(connectionId);
  if (lost) await inbox.markLost(lost.tenant, lost.cluster, lost.nodeName, clock.now());
}

async function connect(event: SocketEvent, connectionId: string): Promise<SocketResult> {
  const visitor = visitorOf(event.headers ?? {}, required('originSecret'));
  if (!visitor) return socketResult(wrongDoor());
  const answer: HostPrincipal | Response = await authenticate(upgradeRequest(event, visitor.host));
  if (answer instanceof Response) return socketResult(answer);
  await connections.add(answer, connectionId);
  return { statusCode: 200 };
}
