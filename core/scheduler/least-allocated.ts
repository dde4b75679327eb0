import type { Node } from '../resources/schema/node.ts';
import type { Pod, PodSpec } from '../resources/schema/pod.ts';
import { hostPortsOf } from './host-ports.ts';
import { NodeRoom, ownerOf } from './node-room.ts';
import { type Amounts, podRequests } from './requests.ts';
import { softTaints, untoleratedTaint } from './taints.ts';
import type { Place, Placement, Refusals } from './types.ts';

/**
 * Puts each pod where fewest of its siblings are, and among those where most room is left. Simple rather than fast: what
 * depends on a pod's spec alone is computed once for all pods that are equal in it, the rest is one pass over the nodes.
 */
export const placeLeastAllocated: Place = ({ nodes, bound, pending }) => {
  const rooms = new Map(byName(nodes).map((node) => [node.metadata.name, new NodeRoom(node)]));
  for (const pod of bound) rooms.get(pod.spec.nodeName ?? '')?.add(pod);
  const classes = new Map<string, SpecClass>();
  return pending.map((pod): Placement => {
    const key = classKey(pod);
    let specClass = classes.get(key);
    if (!specClass) classes.set(key, (specClass = classify(pod, [...rooms.values()])));
    const room = specClass.full ? undefined : best(pod, specClass);
    if (room) {
      room.add(pod);
      return { pod, nodeName: room.name };
    }
    specClass.full ??= refusalsOf(specClass);
    return { pod, refusals: specClass.full };
  });
};

/** Pods that differ in nothing that a filter looks at. */
interface SpecClass {
  readonly requests: Amounts;
  readonly ports: ReturnType<typeof hostPortsOf>;
  /** Nodes that would take such a pod if they had room, with the number of taints that would rather not. */
  readonly willing: readonly { readonly room: NodeRoom; readonly softTaints: number }[];
  readonly unwilling: Refusals;
  /** Set once nothing is left: pods only come while placing, so nothing will be left for the next one either. */
  full?: Refusals;
}

function byName(nodes: readonly Node[]): Node[] {
  return [...nodes].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

const keys = new WeakMap<PodSpec, string>();

function classKey(pod: Pod): string {
  const { spec } = pod;
  let key = keys.get(spec);
  if (key === undefined) {
    const { nodeSelector, tolerations } = spec;
    const requests = [...podRequests(pod)].sort(([a], [b]) => (a < b ? -1 : 1));
    keys.set(spec, (key = JSON.stringify([sorted(nodeSelector), tolerations ?? [], requests, hostPortsOf(spec)])));
  }
  return key;
}

const sorted = (selector: Readonly<Record<string, string>> = {}) => Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1));

function classify(pod: Pod, rooms: readonly NodeRoom[]): SpecClass {
  const { tolerations } = pod.spec;
  const willing: { room: NodeRoom; softTaints: number }[] = [];
  const unwilling = new Map<string, number>();
  for (const room of rooms) {
    const reason = refusal(pod, room.node);
    if (reason === undefined) willing.push({ room, softTaints: softTaints(tolerations, room.node.spec?.taints) });
    else unwilling.set(reason, (unwilling.get(reason) ?? 0) + 1);
  }
  return { requests: podRequests(pod), ports: hostPortsOf(pod.spec), willing, unwilling };
}

/** Why the node doesn't want the pod however much room it has. The first reason is enough. */
function refusal({ spec }: Pod, node: Node): string | undefined {
  if (node.metadata.deletionTimestamp) return 'node(s) were being deleted';
  if (node.spec?.unschedulable) return 'node(s) were unschedulable';
  const taint = untoleratedTaint(spec.tolerations, node.spec?.taints);
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True') return 'node(s) were not ready';
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {}))
    if (node.metadata.labels?.[key] !== value) return "node(s) didn't match Pod's node affinity/selector";
  return undefined;
}

function best(pod: Pod, { requests, ports, willing }: SpecClass): NodeRoom | undefined {
  const owner = ownerOf(pod);
  let chosen: NodeRoom | undefined;
  let chosenScore: readonly number[] = [];
  for (const { room, softTaints: soft } of willing) {
    if (room.refusals(requests, ports).length > 0) continue;
    const score = [soft, owner ? room.podsOf(owner) : 0, room.loadWith(requests), room.pods];
    // Nodes come in the order of their names, so that a tie goes to the first.
    if (!chosen || isLess(score, chosenScore)) [chosen, chosenScore] = [room, score];
  }
  return chosen;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && a[at]! < b[at]!;
}

function refusalsOf({ requests, ports, willing, unwilling }: SpecClass): Refusals {
  const counts = new Map(unwilling);
  for (const { room } of willing)
    for (const reason of room.refusals(requests, ports)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
