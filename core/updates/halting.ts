import type { TxnView } from '../keyspace/types.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { getResource, type WriteContext } from '../resources/write.ts';
import { readLedger, writeLedger } from './book.ts';
import { halt } from './ledger.ts';
import type { HaltReason } from './model.ts';
import { tellStatus } from './status.ts';
import { tell, warning } from './tell.ts';

/** Halts a group and says why. One that is halted already keeps its first reason. undefined: there is no such group. */
export function haltGroup(
  txn: TxnView,
  name: string,
  reason: HaltReason,
  message: string,
  ctx: WriteContext,
): UpdateGroup | undefined {
  const group = getResource(txn, 'UpdateGroup', '', name);
  if (!group) return undefined;
  const { uid } = group.metadata;
  const ledger = readLedger(txn, uid);
  if (ledger.halted) return group;
  writeLedger(txn, uid, ledger, halt(ledger, reason, ctx.now), '');
  tellStatus(txn, name, ctx);
  tell(txn, group, haltedBecause(reason, message), ctx);
  return group;
}

export const haltedBecause = (reason: HaltReason, message: string) =>
  warning('Halted', `${reason}: ${message}. Nothing begins until a person has looked and resumes the group`);
