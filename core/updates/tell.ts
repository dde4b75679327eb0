import { countUp, eventAbout, type Reason } from '../controllers/event.ts';
import type { TxnView } from '../keyspace/types.ts';
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

export const normal = (reason: string, message: string): Reason => ({ type: 'Normal', reason, message });
export const warning = (reason: string, message: string): Reason => ({ type: 'Warning', reason, message });
