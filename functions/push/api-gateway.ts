import type { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import type { PushMessage } from '../../core/node/push.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Notifier } from '../../core/ports/notifier.ts';
import type { ConnectedHost, PushConnections } from '../../store/connections.ts';

export interface GatewayOptions {
  readonly connections: PushConnections;
  /** Of the WebSocket API's management: `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  readonly endpoint: string;
  readonly log: Logger;
  /** A host turned out to have no connection any more. */
  readonly onLost?: (host: ConnectedHost) => Promise<void>;
}

/** Posts at a time. */
const PARALLEL = 32;

/** Hosts' push connections as API Gateway holds them. */
export interface Gateway extends Notifier {
  /** False if the host has no connection, or it could not be reached. */
  deliver(tenant: string, cluster: string, nodeName: string, message: PushMessage): Promise<boolean>;
  /** To those of these hosts that are connected. */
  send(tenant: string, cluster: string, nodeNames: readonly string[], message: PushMessage): Promise<void>;
  /** Ends the host's connection, if it has one. */
  disconnect(tenant: string, cluster: string, nodeName: string): Promise<void>;
}

/** Hints by API Gateway's management API, in parallel. A connection that is gone (410) is forgotten; other failures are logged: hosts poll. */
export function apiGateway({ connections, endpoint, log, onLost }: GatewayOptions): Gateway {
  const library = () => import('@aws-sdk/client-apigatewaymanagementapi');
  let client: ApiGatewayManagementApiClient | undefined;
  // A hint that is late is worth nothing, so one more attempt at most.
  const open = async () => (client ??= new (await library()).ApiGatewayManagementApiClient({ endpoint, maxAttempts: 2 }));

  async function post(ConnectionId: string, message: PushMessage): Promise<'sent' | 'gone' | 'failed'> {
    const { GoneException, PostToConnectionCommand } = await library();
    try {
      const Data = JSON.stringify(message);
      await (await open()).send(new PostToConnectionCommand({ ConnectionId, Data }));
      return 'sent';
    } catch (error) {
      if (!(error instanceof GoneException)) {
        log.warn('a hint was not sent', { problem: String(error) });
        return 'failed';
      }
      const lost = await connections.remove(ConnectionId);
      if (lost) await onLost?.(lost);
      return 'gone';
    }
  }

  async function send(tenant: string, cluster: string, nodeNames: readonly string[], message: PushMessage): Promise<void> {
    const found = await connections.find(tenant, cluster, nodeNames);
    const ids = [...found.values()];
    const next = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) await post(id, message);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, ids.length) }, next));
  }

  return {
    send,
    notify: (tenant, cluster, nodeNames, revision) => send(tenant, cluster, nodeNames, { type: 'hint', revision }),

    async deliver(tenant, cluster, nodeName, message) {
      const id = (await connections.find(tenant, cluster, [nodeName])).get(nodeName);
      return id !== undefined && (await post(id, message)) === 'sent';
    },

    async disconnect(tenant, cluster, nodeName) {
      const id = (await connections.find(tenant, cluster, [nodeName])).get(nodeName);
      if (id === undefined) return;
      const { DeleteConnectionCommand, GoneException } = await library();
      try {
        await (await open()).send(new DeleteConnectionCommand({ ConnectionId: id }));
      } catch (error) {
        if (!(error instanceof GoneException)) throw error;
      }
      await connections.remove(id);
    },
  };
}
