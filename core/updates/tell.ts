import { countUp, eventAbout, type Reason } from '../controllers/event.ts';
import { parseTime } from '../controllers/time.ts';
import type { ReadView, TxnView } from '../keyspace/types.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { StatusError } from '../resources/status.ts';
import { createResource, getResource, updateResource, type WriteContext } from '../resources/write.ts';

const COMPONENT = 'updates';

/** Leaves an Event about a group or a node, in the commit of what it tells. One that can't be kept (its namespace goes away) isn't missed. */
export function tell(txn: TxnView, about: AnyResource, reason: Reason, ctx: WriteContext): void {
  const event = eventAbout(about, reason, COMPONENT, ctx.now);
  const { namespace = '', name = '' } = event.metadata;
  const existing = getResource(txn, 'Event', namespace, name);
  try {
    if (existing) updateResource(txn, countUp(existing, event), ctx);
    else createResource(txn, 'Event', event, ctx);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
}

/** Whether the same was said within the last `ms`: of what may be asked for again and again. */
export function toldLately(view: ReadView, about: AnyResource, reason: Reason, now: number, ms: number): boolean {
  const { metadata } = eventAbout(about, reason, COMPONENT, now);
  const existing = getResource(view, 'Event', metadata.namespace ?? '', metadata.name ?? '');
  return existing !== undefined && (parseTime(existing.lastTimestamp) ?? 0) + ms > now;
}

export const normal = (reason: string, message: string): Reason => ({ type: 'Normal', reason, message });
export const warning = (reason: string, message: string): Reason => ({ type: 'Warning', reason, message });
