import { randomUUID } from 'node:crypto';
import type { Mailer } from '../../core/ports/mailer.ts';
import { bootstrapCluster } from '../../core/resources/namespaces.ts';
import { StatusError } from '../../core/resources/status.ts';
import { deleteResource } from '../../core/resources/write.ts';
import { openAccounts } from '../../store/accounts/accounts.ts';
import { pushConnections } from '../../store/connections.ts';
import { sesMailer } from '../../store/ses-mailer.ts';
import { forgetHost } from '../node/forget-host.ts';
import { apiGateway } from '../push/api-gateway.ts';
import { optional, required } from './environment.ts';
import { hostedImages } from './images.ts';
import { hostedPayloads } from './payloads.ts';
import { publicUrl } from './public-url.ts';
import type { HostedStore } from './store.ts';

/** Accounts with everything that hangs on them in the hosted service: mail, keyspaces of new clusters, connections of removed hosts. */
export function hostedAccounts(store: HostedStore) {
  const { client, clock, inbox, keyspaces, log, tables } = store;
  const gateway = apiGateway({
    connections: pushConnections(client, tables, clock),
    endpoint: required('pushEndpoint'),
    log,
  });
  const mailFrom = optional('mailFrom');
  const writeContext = () => ({ now: clock.now(), newUid: randomUUID });

  const accounts = openAccounts({
    client,
    tables,
    clock,
    log,
    publicUrl,
    images: hostedImages(store),
    mailer: mailFrom ? sesMailer(mailFrom) : noMailer,
    // Who can't be sent a mail can't be asked to confirm it.
    requireVerifiedEmail: mailFrom !== undefined,
    hooks: {
      async onClusterCreated(tenant, cluster) {
        const registry = await keyspaces.open(tenant, cluster, 'registry');
        await registry.transact((txn) => bootstrapCluster(txn, writeContext()));
      },
      onClusterDeleted: (tenant, cluster) => hostedPayloads(store).keepOnly(tenant, cluster, new Set()),
      async onNodeRevoked(tenant, cluster, nodeName) {
        await forgetHost({ keyspaces, inbox, context: writeContext }, tenant, cluster, nodeName);
        // Its key doesn't work any more: at worst it gets a few more hints.
        await gateway
          .disconnect(tenant, cluster, nodeName)
          .catch((error: unknown) => log.warn('the connection of a removed host was not ended', { problem: String(error) }));
      },
    },
  });

  /** False if there was none. */
  async function deleteNode(tenant: string, cluster: string, nodeName: string): Promise<boolean> {
    const registry = await keyspaces.open(tenant, cluster, 'registry');
    try {
      await registry.transact((txn) => deleteResource(txn, 'Node', '', nodeName, {}, writeContext()));
      return true;
    } catch (error) {
      if (error instanceof StatusError && error.status.reason === 'NotFound') return false;
      throw error;
    }
  }

  return { accounts, gateway, deleteNode };
}

const noMailer: Mailer = {
  send: () => Promise.reject(new Error('this installation has no sender address: deploy it with -c mailFrom=ADDRESS')),
};
