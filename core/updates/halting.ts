import type { TxnView } from '../keyspace/types.ts';
import { getResource, type WriteContext } from '../resources/write.ts';
import { readLedger, writeLedger } from './book.ts';
import { halt } from './ledger.ts';
import type { HaltReason } from './model.ts';
import { tellStatus } from './status.ts';
import { tell, warning } from './tell.ts';

/** Halts a group and says why. One that is halted already keeps its first reason. */
export function haltGroup(txn: TxnView, name: string, reason: HaltReason, message: string, ctx: WriteContext): void {
  const group = getResource(txn, 'UpdateGroup', '', name);
  if (!group) return;
  const { uid } = group.metadata;
  const ledger = readLedger(txn, uid);
  if (ledger.halted) return;
  writeLedger(txn, uid, ledger, halt(ledger, reason, ctx.now), '');
  tellStatus(txn, name, ctx);
  tell(txn, group, haltedBecause(reason, message), ctx);
}

export const haltedBecause = (reason: HaltReason, message: string) =>
  warning('Halted', `${reason}: ${message}. Nothing begins until a person has looked and resumes the group`);
