import type { AuditActor, AuditView } from '../../core/accounts/api.ts';
import type { AccountsStore } from './accounts-store.ts';
import { ulidTime } from './ids.ts';
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

/** Which records; times in ms since the epoch. */
export interface AuditFilter {
  /** An action, or with a dot at the end all that begin so: `token.` */
  readonly action?: string | undefined;
  /** Id or name (e-mail address) of who did it. */
  readonly actor?: string | undefined;
  /** From here on, inclusive. */
  readonly since?: number | undefined;
  /** Up to here, exclusive. */
  readonly until?: number | undefined;
  /** Older than the record with this id. */
  readonly before?: string | undefined;
}

/** Records read at a time, and how often in one request: filters that match nothing must not read the whole log at once. */
const PAGE = 500;
const PAGES_MAX = 10;

/** Newest first, at most `limit`. `next`: the id to go on from (as `before`) if there may be more. */
export async function listAudit(
  store: AccountsStore,
  tenant: string,
  limit: number,
  filter: AuditFilter = {},
): Promise<{ records: AuditView[]; next?: string }> {
  const records: AuditView[] = [];
  let before = filter.before;
  for (let page = 0; page < PAGES_MAX; page++) {
    const filtered = filter.action !== undefined || filter.actor !== undefined;
    const { rows, more } = await readPage(store, tenant, { ...filter, before }, filtered ? PAGE : limit);
    for (const row of rows) {
      before = row.id;
      if (!matches(row, filter)) continue;
      records.push(row);
      if (records.length === limit) return { records, next: row.id };
    }
    if (!more) return { records };
  }
  return before === undefined ? { records } : { records, next: before };
}

/** All that match, newest first, page by page as they are taken. */
export async function* exportAudit(store: AccountsStore, tenant: string, filter: AuditFilter = {}): AsyncGenerator<AuditView> {
  let before = filter.before;
  for (let more = true; more; ) {
    const page = await readPage(store, tenant, { ...filter, before }, PAGE);
    for (const row of page.rows) if (matches(row, filter)) yield row;
    before = page.rows.at(-1)?.id;
    more = page.more && before !== undefined;
  }
}

async function readPage(store: AccountsStore, tenant: string, { since, until, before }: AuditFilter, limit: number) {
  const end = until === undefined ? undefined : ulidTime(until);
  const to = before !== undefined && (end === undefined || before < end) ? before : end;
  const rows = await store.forTenant(tenant).list<AuditRow>('audit', {
    newestFirst: true,
    limit,
    ...(to === undefined ? {} : { before: to }),
    ...(since === undefined ? {} : { from: ulidTime(since) }),
  });
  return { rows: rows.map(viewOf), more: rows.length === limit };
}

function matches({ action, actor }: AuditView, wanted: AuditFilter): boolean {
  if (wanted.actor !== undefined && wanted.actor !== actor.id && wanted.actor !== actor.name) return false;
  if (wanted.action === undefined) return true;
  return wanted.action.endsWith('.') ? action.startsWith(wanted.action) : action === wanted.action;
}

function viewOf({ id, at, action, target, actor, ip, requestId, details }: AuditRow): AuditView {
  return {
    id,
    at,
    action,
    target,
    actor: JSON.parse(actor) as AuditActor,
    ...(ip === undefined ? {} : { ip }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(details === undefined ? {} : { details: JSON.parse(details) as Record<string, string | number> }),
  };
}
