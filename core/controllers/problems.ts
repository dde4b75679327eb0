import { createResource, getResource, updateResource, type WriteContext } from '../resources/write.ts';
import { countUp, eventAbout, eventName } from './event.ts';
import { Overlay } from './overlay.ts';
import { parseTime } from './time.ts';
import type { Problem } from './types.ts';

/** A problem shows again in every run. Telling it each time would make a change each time, and so the next run. */
const QUIET_MS = 600_000;
/** Enough to see what is wrong; the others are told when these are quiet. */
const MOST_AT_ONCE = 50;

/** Leaves an Event on each object that could not be dealt with. */
export function tellProblems(overlay: Overlay, problems: readonly Problem[], ctx: WriteContext): void {
  let told = 0;
  for (const { controller, object, message } of problems) {
    if (told === MOST_AT_ONCE) return;
    if (!object) continue;
    const about = eventAbout(object, { type: 'Warning', reason: 'ReconcileError', message }, controller, ctx.now);
    // One a controller and object, whatever it says: a message may hold something that is new each time.
    const name = eventName(object.metadata.name, [object.metadata.uid, controller]);
    const { namespace = '' } = about.metadata;
    const event = { ...about, metadata: { ...about.metadata, name } };
    const existing = getResource(overlay, 'Event', namespace, name);
    if (existing && (parseTime(existing.lastTimestamp) ?? 0) + QUIET_MS > ctx.now) continue;
    const attempt = new Overlay(overlay);
    try {
      if (existing) updateResource(attempt, { ...countUp(existing, event), message: event.message }, ctx);
      else createResource(attempt, 'Event', event, ctx);
      overlay.absorb(attempt);
      told++;
    } catch {
      // Its namespace is going away. The problem is in the log of the process too.
    }
  }
}
