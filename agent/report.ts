import type { UnitReport } from '../core/node/assigned-unit.ts';
import type { Suspicion } from '../core/network/watch-round.ts';
import type { HostEvent, PodReport, Report } from '../core/node/report.ts';
import type { NodeNetwork, NodeStatus } from '../core/resources/schema/node.ts';
import type { PodMemory } from './planner/memory.ts';
import type { ObservedContainer } from './planner/observed.ts';
import type { StatusContext } from './status/container-status.ts';
import { podStatus } from './status/pod-status.ts';

export interface ReportInput {
  readonly agentVersion: string;
  readonly bootId: string;
  readonly observedRevision: number;
  readonly node: NodeStatus;
  /** Its part in the pods' network. */
  readonly network?: NodeNetwork | undefined;
  /** Other hosts that no longer answer it. */
  readonly suspects: readonly Suspicion[];
  readonly labels: Record<string, string>;
  readonly pods: Iterable<PodMemory>;
  readonly observed: ReadonlyMap<string, readonly ObservedContainer[]>;
  readonly status: StatusContext;
  readonly events: HostEvent[];
  /** undefined on a host that runs none. */
  readonly units: readonly UnitReport[] | undefined;
}

/** The whole state of the host and its pods. `key` differs when there is news: events that age out are none. */
export function buildReport(input: ReportInput): { report: Report; key: string } {
  const { agentVersion, bootId, observedRevision, node, network, labels, events } = input;
  const suspects = [...input.suspects];
  const pods: PodReport[] = [];
  for (const memory of input.pods) {
    if (memory.recalled && !memory.gone) continue;
    const { name, namespace = '', uid } = memory.pod.metadata;
    const own = input.observed.get(uid) ?? [];
    const status = podStatus(memory, own, input.status);
    pods.push({ namespace, name, uid, status, ...(memory.gone ? { gone: true } : {}) });
  }
  const units = input.units && [...input.units];
  const report = {
    agentVersion,
    bootId,
    observedRevision,
    node,
    ...(network && { network }),
    suspects,
    labels,
    pods,
    events,
    ...(units ? { units } : {}),
  };
  const key = JSON.stringify([observedRevision, node, network, suspects, labels, pods, units, events.at(-1)?.id]);
  return { report, key };
}
