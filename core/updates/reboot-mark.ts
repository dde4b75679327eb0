import { isFinished } from '../controllers/pod-state.ts';
import { controllerOf } from '../controllers/ownership.ts';
import { isDrained } from '../node/drain.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';

/** On a node that reboots in its turn: what the controllers have to do about it. An annotation, so that people see it, and can take it away. */
export const REBOOT_ANNOTATION = 'terrane.dev/reboot';

export interface RebootMark {
  /** uid of the UpdateGroup whose slot it holds. */
  readonly group: string;
  /** Its pods leave; it may reboot; it says that it is well again. */
  readonly state: 'draining' | 'rebooting' | 'returning';
  /** It was not cordoned before, so that it is uncordoned afterwards. */
  readonly cordoned: boolean;
  /** Of the boot that is to end. */
  readonly bootId: string;
  /** When the state began, ms since the epoch. */
  readonly at: number;
}

export function markOf({ metadata }: Node): RebootMark | undefined {
  const text = metadata.annotations?.[REBOOT_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const { group, state, cordoned, bootId, at } = JSON.parse(text) as Partial<RebootMark>;
    const valid =
      typeof group === 'string' &&
      (state === 'draining' || state === 'rebooting' || state === 'returning') &&
      typeof at === 'number';
    return valid ? { group, state, cordoned: cordoned === true, bootId: String(bootId ?? ''), at } : undefined;
  } catch {
    return undefined;
  }
}

/** Cordons it, for it to drain or to reboot. */
export function marked(node: Node, group: string, state: 'draining' | 'rebooting', now: number): Node {
  const before = markOf(node);
  const cordoned = before?.group === group ? before.cordoned : node.spec?.unschedulable !== true;
  const bootId = node.status?.nodeInfo?.bootID ?? '';
  return withMark({ ...node, spec: { ...node.spec, unschedulable: true } }, { group, state, cordoned, bootId, at: now });
}

/** It has given its slot back. One that never went down is as before at once; another has to show that it is well. */
export function released(node: Node, group: string, now: number): Node | undefined {
  const mark = markOf(node);
  if (mark?.group !== group || mark.state === 'returning') return undefined;
  return mark.state === 'draining' ? unmarked(node, mark) : withMark(node, { ...mark, state: 'returning', at: now });
}

/** As it was before; but one that a person drains meanwhile is that person's to uncordon. */
export function unmarked(node: Node, mark: RebootMark): Node {
  const { [REBOOT_ANNOTATION]: _, ...annotations } = node.metadata.annotations ?? {};
  const { unschedulable, ...spec } = node.spec ?? {};
  const stays = unschedulable && !takesWorkAgain(node, mark) ? { unschedulable } : {};
  return { ...node, metadata: { ...node.metadata, annotations }, spec: { ...spec, ...stays } };
}

export function takesWorkAgain(node: Node, { cordoned }: RebootMark): boolean {
  return cordoned && !isDrained(node);
}

/**
 * The pods that have to leave before a reboot: those that something brings back elsewhere. Others stay, and start again with their host;
 * a DaemonSet's would be made anew right there.
 */
export function toLeave(pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => !isFinished(pod) && (controllerOf(pod)?.kind ?? 'DaemonSet') !== 'DaemonSet');
}

function withMark(node: Node, mark: RebootMark): Node {
  const annotations = { ...node.metadata.annotations, [REBOOT_ANNOTATION]: JSON.stringify(mark) };
  return { ...node, metadata: { ...node.metadata, annotations } };
}
