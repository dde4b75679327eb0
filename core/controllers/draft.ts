import type { HaltReason } from '../updates/model.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { eventAbout, type Reason } from './event.ts';
import type { Change, Decision, NewResource, Problem } from './types.ts';

/** A decision in the making. */
export class Draft {
  readonly #controller: string;
  readonly #now: number;
  readonly #changes: Change[] = [];
  readonly #problems: Problem[] = [];
  #wakeAt: number | undefined;

  constructor(controller: string, now: number) {
    this.#controller = controller;
    this.#now = now;
  }

  create(object: NewResource): void {
    this.#changes.push({ verb: 'create', object });
  }

  /** Metadata and spec. At most once an object and decision: the next one would be made from an old copy. */
  update(object: AnyResource): void {
    this.#changes.push({ verb: 'update', object });
  }

  updateStatus(object: AnyResource): void {
    this.#changes.push({ verb: 'updateStatus', object });
  }

  updateAll(object: AnyResource): void {
    this.#changes.push({ verb: 'updateAll', object });
  }

  delete(object: AnyResource, how: { gracePeriodSeconds?: number; propagationPolicy?: 'Background' | 'Foreground' } = {}): void {
    const { namespace = '', name, uid } = object.metadata;
    this.#changes.push({ verb: 'delete', kind: object.kind, namespace, name, uid, ...how });
  }

  /** An Event about `object`: why the change before was made. */
  because(object: AnyResource, type: Reason['type'], reason: string, message: string): void {
    this.#changes.push({ verb: 'explain', object: eventAbout(object, { type, reason, message }, this.#controller, this.#now) });
  }

  haltUpdates(group: string, reason: HaltReason, message: string): void {
    this.#changes.push({ verb: 'haltUpdates', group, reason, message });
  }

  giveUpOnReboot(group: string, holder: string): void {
    this.#changes.push({ verb: 'giveUpOnReboot', group, holder });
  }

  /** Look again at this time, ms since the epoch. The earliest one counts; one that is over already doesn't. */
  wakeAt(time: number): void {
    if (time > this.#now) this.#wakeAt = Math.min(this.#wakeAt ?? Infinity, time);
  }

  /** Decides object by object: one that can't be dealt with leaves a problem, and doesn't keep the others from theirs. */
  forEach<T extends AnyResource>(objects: Iterable<T>, decideOne: (object: T) => void): void {
    for (const object of objects) this.attempt(object, () => decideOne(object));
  }

  /** If `step` throws, none of the changes it made so far counts; `about` is whom the problem is told of. */
  attempt(about: AnyResource | undefined, step: () => void): void {
    const before = this.#changes.length;
    try {
      step();
    } catch (error) {
      this.#changes.length = before;
      const message = error instanceof Error ? error.message : String(error);
      this.#problems.push({ controller: this.#controller, ...(about && { object: about }), message });
    }
  }

  finish(): Decision {
    return {
      changes: this.#changes,
      ...(this.#wakeAt !== undefined && { wakeAt: this.#wakeAt }),
      ...(this.#problems.length > 0 && { problems: this.#problems }),
    };
  }
}
