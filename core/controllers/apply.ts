import type { Key } from '../keyspace/types.ts';
import type { Event } from '../resources/schema/event.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { StatusError } from '../resources/status.ts';
import { createResource, deleteResource, getResource, updateResource, type WriteContext } from '../resources/write.ts';
import { countUp } from './event.ts';
import { Overlay } from './overlay.ts';
import { haltGroup } from '../updates/halting.ts';
import { giveUpOn } from '../updates/reboot-lock.ts';
import type { Change, NewResource } from './types.ts';

export type Applied =
  | { readonly ok: true; readonly written: readonly Key[] }
  /** `full`: it would fit into an empty overlay. */
  | { readonly ok: false; readonly message: string; readonly full?: boolean };

const NOTHING: Applied = { ok: true, written: [] };

/** Makes one change, or none of it. What is written in all must stay below `maxBytes`. */
export function applyChange(overlay: Overlay, change: Change, ctx: WriteContext, maxBytes: number): Applied {
  const attempt = new Overlay(overlay);
  try {
    write(attempt, change, ctx);
  } catch (error) {
    if (isMoot(error, change)) return NOTHING;
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  if (overlay.bytes + attempt.bytes > maxBytes)
    return {
      ok: false,
      message: `the change has ${attempt.bytes} bytes, too many for one commit`,
      full: attempt.bytes <= maxBytes,
    };
  overlay.absorb(attempt);
  return { ok: true, written: Array.from(attempt.written(), ([key]) => key) };
}

/** Nothing is left to decide: the object went away, or is another one by now. And an Event that can't be kept isn't missed. */
function isMoot(error: unknown, change: Change): boolean {
  if (!(error instanceof StatusError)) return false;
  if (change.verb === 'explain' || (change.verb === 'create' && change.object.kind === 'Event')) return true;
  return change.verb !== 'create' && (error.reason === 'NotFound' || error.reason === 'Conflict');
}

function write(txn: Overlay, change: Change, ctx: WriteContext): void {
  switch (change.verb) {
    case 'create':
      createResource(txn, change.object.kind, change.object, ctx);
      return;
    case 'explain':
      writeEvent(txn, change.object, ctx);
      return;
    case 'update':
      updateResource(txn, unversioned(change.object), ctx);
      return;
    case 'updateStatus':
      updateResource(txn, unversioned(change.object), ctx, { subresource: 'status' });
      return;
    case 'updateAll':
      updateResource(txn, unversioned(change.object), ctx);
      updateResource(txn, unversioned(change.object), ctx, { subresource: 'status' });
      return;
    case 'haltUpdates':
      haltGroup(txn, change.group, change.reason, change.message, ctx);
      return;
    case 'giveUpOnReboot':
      giveUpOn(txn, change.group, change.holder, ctx);
      return;
    case 'delete': {
      const { kind, namespace, name, uid, gracePeriodSeconds, propagationPolicy } = change;
      const options = {
        preconditions: { uid },
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
        ...(propagationPolicy && { propagationPolicy }),
      };
      deleteResource(txn, kind, namespace, name, options, ctx);
    }
  }
}

/** The decision was made on this very state, but its own earlier changes may have moved the version. The uid still guards. */
function unversioned<T extends AnyResource>(object: T): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '' } };
}

function writeEvent(txn: Overlay, event: NewResource<Event>, ctx: WriteContext): void {
  const { namespace = '', name = '' } = event.metadata;
  const existing = getResource(txn, 'Event', namespace, name);
  if (existing) updateResource(txn, unversioned(countUp(existing, event)), ctx);
  else createResource(txn, 'Event', event, ctx);
}
