import type { TxnView } from '../keyspace/types.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { getResource, listResources, type WriteContext } from '../resources/write.ts';
import { forgetInstance, readInstance, readLedger, writeLedger } from './book.ts';
import { resume, without } from './ledger.ts';
import { tellStatus, tellStatusOf } from './status.ts';
import { normal, tell } from './tell.ts';
import { unreadyPods } from './workload-health.ts';

/** What people do to a group's books. Each answers whether there was anything to do it to. */

/** Lets a halted group go on, with its failures forgiven. */
export function resumeGroup(txn: TxnView, name: string, ctx: WriteContext): UpdateGroup | undefined {
  const group = getResource(txn, 'UpdateGroup', '', name);
  if (!group) return undefined;
  const { uid } = group.metadata;
  const ledger = readLedger(txn, uid);
  if (!ledger.halted) return group;
  const next = resume(ledger, unreadyPods(listResources(txn, 'Deployment')));
  writeLedger(txn, uid, ledger, next, '');
  tellStatus(txn, name, ctx);
  tell(txn, group, normal('Resumed', 'the group goes on'), ctx);
  return group;
}

/** Forgets an instance, and frees the slot that it may hold. */
export function forget(txn: TxnView, application: string, instance: string, ctx: WriteContext): boolean {
  const kept = readInstance(txn, application, instance);
  if (!kept) return false;
  const ledger = readLedger(txn, kept.group);
  writeLedger(txn, kept.group, ledger, without(ledger, instance), instance);
  forgetInstance(txn, application, instance);
  tellStatusOf(txn, kept.group, ctx);
  return true;
}
