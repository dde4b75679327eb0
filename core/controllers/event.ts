import type { AnyResource } from '../resources/schema/kinds.ts';
import type { Event } from '../resources/schema/event.ts';
import { suffix } from './digest.ts';
import { timestamp } from './time.ts';
import type { NewResource } from './types.ts';

export interface Reason {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, for machines. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

/** Where Events about cluster-scoped objects live, as in Kubernetes. */
const DEFAULT_NAMESPACE = 'default';

/**
 * The Event that explains a decision about `object`. Its name depends on what it says, so that the same reason said again is
 * the same Event, counted up by whoever writes it.
 */
export function eventAbout(
  object: AnyResource,
  { type, reason, message }: Reason,
  component: string,
  now: number,
): NewResource<Event> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const at = timestamp(now);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: eventName(name, [uid, type, reason, message, component]),
      namespace: namespace ?? DEFAULT_NAMESPACE,
    },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      ...(namespace && { namespace }),
      name,
      uid,
      resourceVersion,
    },
    type,
    reason,
    message: message.length > 1024 ? `${message.slice(0, 1021)}...` : message,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component },
    reportingComponent: component,
  };
}

/** `<object>.<digest>`, at most 253 characters. Not every object has a name that an Event may have: units have `@` and capitals. */
export function eventName(objectName: string, told: readonly string[]): string {
  const name = objectName
    .slice(0, 236)
    .toLowerCase()
    .split('.')
    .map((part) => part.replace(/[^a-z0-9-]/g, '-').replace(/^-+|-+$/g, ''))
    .filter((part) => part !== '');
  return [...name, suffix(JSON.stringify(told), 16)].join('.');
}

/** The Event that is there already, told once more. */
export function countUp(existing: Event, again: NewResource<Event>): Event {
  return {
    ...existing,
    involvedObject: again.involvedObject,
    count: (existing.count ?? 1) + 1,
    lastTimestamp: again.lastTimestamp,
  };
}
