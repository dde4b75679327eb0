import type { Logger } from '../../core/ports/logger.ts';
import type { AuditedWrite } from './kube/deps.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';
import { whoWrote } from './who-wrote.ts';

/** `kubectl delete node` removes the host, too: its key no longer works, and its place in the quota is free. */
export async function removeHostOfNode(accounts: Pick<Accounts, 'removeHost'>, log: Logger, write: AuditedWrite): Promise<void> {
  const { verb, kind, cluster, name } = write;
  if (verb !== 'delete' || kind !== 'Node') return;
  try {
    // False for a Node that never was a host, or whose host went first: nothing to do.
    await accounts.removeHost(cluster.tenant, cluster.id, name, whoWrote(write));
  } catch (error) {
    log.error('the host of a deleted node could not be removed; remove it with `terrane node remove`', {
      error,
      cluster: cluster.id,
      name,
    });
  }
}
