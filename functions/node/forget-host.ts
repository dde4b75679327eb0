import { notedLease } from '../../core/controllers/node/last-lease.ts';
import type { Inbox } from '../../core/ports/inbox.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import { getResource, updateResource, type WriteContext } from '../../core/resources/write.ts';

/**
 * What is heard of a host whose key was revoked is taken away. How long its last lease lasts stays on its Node: its fenced work starts elsewhere after that, also
 * if times are shortened meanwhile.
 */
export async function forgetHost(
  { keyspaces, inbox, context }: { readonly keyspaces: Keyspaces; readonly inbox: Inbox; readonly context: () => WriteContext },
  tenant: string,
  cluster: string,
  nodeName: string,
): Promise<void> {
  const leaseSeconds = await inbox.delete(tenant, cluster, nodeName);
  if (leaseSeconds === undefined) return;
  const registry = await keyspaces.open(tenant, cluster, 'registry');
  await registry.transact((txn) => {
    const node = getResource(txn, 'Node', '', nodeName);
    const noted = node && notedLease(node, leaseSeconds);
    if (noted) updateResource(txn, noted, context());
  });
}
