import type { Logger } from '../../core/ports/logger.ts';
import type { AuditedWrite } from './kube/deps.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';

/** `kubectl delete node` removes the host, too: its key no longer works, and its place in the quota is free. */
export async function removeHostOfNode(accounts: Accounts, log: Logger, write: AuditedWrite): Promise<void> {
  if (write.verb !== 'delete' || write.kind !== 'Node') return;
  const { principal, cluster, name } = write;
  try {
    const { userId: id, email, tokenId } = principal;
    const actor = { kind: 'person' as const, id, name: email, ...(tokenId === undefined ? {} : { tokenId }) };
    // False for a Node that never was a host, or whose host went first: nothing to do.
    await accounts.removeHost(cluster.tenant, cluster.id, name, { actor });
  } catch (error) {
    log.error('the host of a deleted node could not be removed; remove it with `terrane node remove`', {
      error,
      cluster: cluster.id,
      name,
    });
  }
}
