import { timestamp } from '../resources/timestamp.ts';
import type { TxnView } from '../keyspace/types.ts';
import { equalJson } from '../resources/equal.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { getResource, listResources, updateResource, type WriteContext } from '../resources/write.ts';
import { readLedger } from './book.ts';
import { readHolders } from './holders.ts';

/**
 * Shows a group's books in its status, in the commit that changes them: for people, and for the controllers, which see resources only. What is not
 * in the books (`paused`, `unhealthySince`) is the controllers' own and stays.
 */
export function tellStatus(txn: TxnView, name: string, ctx: WriteContext): void {
  const group = getResource(txn, 'UpdateGroup', '', name);
  if (!group) return;
  const { generation, uid } = group.metadata;
  const { version, underWay, completed, failed, halted, unreadyBefore } = readLedger(txn, uid);
  const { paused, unhealthySince } = group.status ?? {};
  const reboots = readHolders(txn, uid).holders.map(({ since, ...holder }) => ({ ...holder, since: timestamp(since) }));
  const status: UpdateGroup['status'] = {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(version !== undefined && { version }),
    underWay: underWay.length,
    completed,
    failed,
    ...(unreadyBefore > 0 && { unreadyBefore }),
    ...(halted && { halted: { reason: halted.reason, at: timestamp(halted.at) } }),
    ...(reboots.length > 0 && { reboots }),
    ...(paused !== undefined && { paused }),
    ...(unhealthySince !== undefined && { unhealthySince }),
  };
  if (!equalJson(status, group.status)) updateResource(txn, { ...group, status }, ctx, { subresource: 'status' });
}

/** As tellStatus, of the group with that uid; one that was deleted has none. */
export function tellStatusOf(txn: TxnView, uid: string, ctx: WriteContext): void {
  const group = listResources(txn, 'UpdateGroup').find(({ metadata }) => metadata.uid === uid);
  if (group) tellStatus(txn, group.metadata.name, ctx);
}
