import type { Server } from 'node:http';
import { KV_STREAM_PATH } from '../../core/node/kv-stream.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { hostAuthenticator } from '../../functions/node/host-auth.ts';
import { kvStreams } from '../../functions/node/kv/stream-upgrade.ts';
import { pushUpgrade } from '../../functions/push/upgrade.ts';
import { attachUpgrades } from '../../functions/push/upgrades.ts';
import { kvDeps } from './app.ts';
import type { ControlPlane } from './control-plane.ts';

/** What hosts' connections to the server become other than HTTP: the push connection, and the one for the key-value store. */
export function hostConnections(
  controlPlane: ControlPlane,
  log: Logger,
  shutdown: AbortSignal,
): { attach(server: Server): void; close(): void } {
  const { connections } = controlPlane;
  const push = pushUpgrade({
    path: '/node/v1/push',
    connections,
    authenticate: hostAuthenticator(controlPlane),
    onChange(host, connected) {
      // One that was replaced by a newer one is no loss, and when we go hosts are not to blame.
      if (!connected && !connections.has(host) && !shutdown.aborted) controlPlane.lost(host);
    },
  });
  const kv = kvStreams({
    ...kvDeps(controlPlane, log),
    accounts: controlPlane.accounts,
    clock: controlPlane.clock,
    underWay: controlPlane.kvAnswersUnderWay,
    hint: ({ tenant, cluster, nodeName }, sequence) => void connections.send(tenant, cluster, nodeName, { type: 'kv', sequence }),
  });
  return {
    attach: (server) => attachUpgrades(server, { '/node/v1/push': push.upgrade, [KV_STREAM_PATH]: kv.upgrade }),
    close() {
      push.close();
      kv.close();
    },
  };
}
