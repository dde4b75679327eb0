import type { AnyResource } from '../resources/schema/kinds.ts';
import type { Draft } from './draft.ts';
import { eventAbout } from './event.ts';
import type { ClusterState } from './types.ts';

/** Leaves a Warning about an object. */
export type Tell = (about: AnyResource, reason: string, message: string) => void;

/** For what is seen again in every run, and changes nothing: said once, and again when the Event has expired and it still is so. */
export function tellOnce(state: ClusterState, draft: Draft, component: string, now: number): Tell {
  return (about, reason, message) => {
    const event = eventAbout(about, { type: 'Warning', reason, message }, component, now);
    const { namespace = '', name = '' } = event.metadata;
    if (!state.get('Event', namespace, name)) draft.create(event);
  };
}
