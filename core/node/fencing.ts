import type { AssignmentSettings } from './assignment.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';

/**
 * Fenced pods never run in two places: their host stops them by itself when it could not renew its lease in time, and only later
 * does the control plane place them elsewhere (docs/decisions: host lease). Asked for by this annotation, "true", on the pod.
 */
export const FENCED_ANNOTATION = 'terrane.dev/fenced';

/**
 * What is left between the moment a host kills its fenced work and the one from which it may start elsewhere, seconds (docs/decisions/0029): the host's
 * guard acts half a second after the agent and looks once a second (0028), the clocks of the control plane's machines differ by up to 2, and a busy
 * machine may keep a kill waiting for the rest.
 */
export const AFTER_GRACE_SECONDS = 5;

/** So long after a report was sent, which is the last one that is answered, fenced work has surely ended, seconds. */
export function fencedEndSeconds({
  fencedStopSeconds,
  fencedGraceSeconds,
}: Pick<AssignmentSettings, 'fencedStopSeconds' | 'fencedGraceSeconds'>): number {
  return fencedStopSeconds + fencedGraceSeconds + Math.max(fencedGraceSeconds, AFTER_GRACE_SECONDS);
}

export function isFenced({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata.annotations?.[FENCED_ANNOTATION] === 'true';
}

/** What says in the log that a host is given up: its lease is not renewed from this commit on, until the host is back in the log. */
export const UNREACHABLE = 'node.kubernetes.io/unreachable';

/** The taint that says so; undefined: it is not given up. */
export function unreachableMark({ spec }: Pick<Node, 'spec'>) {
  return spec?.taints?.find(({ key, effect }) => key === UNREACHABLE && effect === 'NoExecute');
}

/**
 * Does a report renew its host's lease? `node` must have been read from the log after the report was put where controllers see it:
 * whoever gives the host up later on has seen the report, and counts from it.
 */
export function renewsLease(node: Node | undefined): boolean {
  return node !== undefined && !node.metadata.deletionTimestamp && unreachableMark(node) === undefined;
}
