import type { AuditActor, AuditView } from '../../core/accounts/api.ts';
import type { AccountsStore } from './accounts-store.ts';
import type { AuditRow } from './records.ts';
import type { AccountsContext } from './settings.ts';
import type { Step } from './transact.ts';

/** Who asked for a change, and how it came to us. */
export interface Who {
  readonly actor: AuditActor;
  readonly ip?: string;
  readonly requestId?: string;
}

/** The audit record as a step of the transaction that makes the change: neither is ever without the other. */
export function audited(
  store: AccountsStore,
  tenant: string,
  who: Who,
  action: string,
  target: string,
  details?: Readonly<Record<string, string | number>>,
): Step {
  const at = store.clock.now();
  const id = store.nextUlid(at);
  const row: AuditRow = {
    id,
    at,
    action,
    target,
    actor: JSON.stringify(who.actor),
    ...(who.ip === undefined ? {} : { ip: who.ip }),
    ...(who.requestId === undefined ? {} : { requestId: who.requestId }),
    ...(details === undefined ? {} : { details: JSON.stringify(details) }),
  };
  return { write: store.forTenant(tenant).create('audit', id, row) };
}

/** A record of a change that was made elsewhere (in a cluster's log): written after it, so a crash in between loses the record only. */
export async function recordAudit(
  { store }: Pick<AccountsContext, 'store'>,
  tenant: string,
  who: Who,
  action: string,
  target: string,
  details?: Readonly<Record<string, string | number>>,
): Promise<void> {
  await store.transact([audited(store, tenant, who, action, target, details)]);
}

/** Newest first. */
export async function listAudit(store: AccountsStore, tenant: string, limit: number, before?: string): Promise<AuditView[]> {
  const rows = await store.forTenant(tenant).list<AuditRow>('audit', { newestFirst: true, limit, ...(before ? { before } : {}) });
  return rows.map(({ id, at, action, target, actor, ip, requestId, details }) => ({
    id,
    at,
    action,
    target,
    actor: JSON.parse(actor) as AuditActor,
    ...(ip === undefined ? {} : { ip }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(details === undefined ? {} : { details: JSON.parse(details) as Record<string, string | number> }),
  }));
}
