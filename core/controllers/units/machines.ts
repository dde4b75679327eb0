import { machineIds } from '../../fleet/machine-id.ts';
import type { Machine } from '../../fleet/place-units.ts';
import { SYSTEMD_LABEL } from '../../node/systemd-label.ts';
import type { Node } from '../../resources/schema/node.ts';
import { type Amounts, amountsOf, podRequests } from '../../scheduler/requests.ts';
import { findCondition } from '../conditions.ts';
import { isFinished } from '../pod-state.ts';
import type { ClusterState } from '../types.ts';
import { parsedUnit } from './parsed.ts';
import { unitHostsOn } from './hosts.ts';

/** A host as units see it. */
export interface UnitMachine extends Machine {
  readonly node: Node;
  /** Why it takes no new unit, in the words of a refusal. */
  readonly refusal?: string;
}

export function unitMachines(state: ClusterState, nodes: readonly Node[]): UnitMachine[] {
  const ids = machineIds(nodes);
  return nodes.map((node) => {
    const { name, labels } = node.metadata;
    const refusal = whyClosed(node);
    return {
      id: name,
      machineId: ids.get(name)!,
      metadata: labels ?? {},
      node,
      room: roomForUnits(state, node),
      closed: refusal !== undefined,
      ...(refusal !== undefined && { refusal }),
    };
  });
}

function whyClosed({ metadata, spec, status }: Node): string | undefined {
  if (metadata.labels?.[SYSTEMD_LABEL] !== 'true') return 'node(s) had no systemd';
  if (metadata.deletionTimestamp) return 'node(s) were being removed';
  if (spec?.unschedulable) return 'node(s) were unschedulable';
  const taint = spec?.taints?.find(({ effect }) => effect !== 'PreferNoSchedule');
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  return findCondition(status?.conditions, 'Ready')?.status === 'True' ? undefined : 'node(s) were not ready';
}

/** What pods leave to units: cpu (millicores) and memory (bytes). */
function roomForUnits(state: ClusterState, node: Node): Amounts {
  const room = amountsOf(node.status?.allocatable ?? node.status?.capacity, 'down');
  for (const pod of state.podsOn(node.metadata.name)) {
    if (isFinished(pod)) continue;
    for (const [name, amount] of podRequests(pod)) room.set(name, (room.get(name) ?? 0) - amount);
  }
  return room;
}

/** What units take of a host, so that no pod is promised it: cpu (millicores) and memory (bytes). */
export function takenByUnits(state: Pick<ClusterState, 'unitsOn'>, nodeName: string): Amounts {
  const taken = new Map<string, number>();
  for (const { unit } of unitHostsOn(state, nodeName))
    for (const [name, amount] of parsedUnit(unit).requests) taken.set(name, (taken.get(name) ?? 0) + amount);
  return taken;
}
