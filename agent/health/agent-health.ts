import type { Gauge } from './metrics.ts';

/** How the agent is, for /healthz and /metrics. */
export interface AgentFacts {
  readonly node: string;
  /** Why no engine answers; undefined = one does. */
  readonly engineProblem: string | undefined;
  /** Undefined before the first answer, or the first failure to get one. */
  readonly controlPlane: boolean | undefined;
  readonly pushConnected: boolean;
  readonly revision: number;
  readonly pods: number;
  readonly containers: number;
  readonly stateProblem: string | undefined;
}

/** An engine or a control plane that is away is said, and isn't the agent's fault; state that it can't write is. */
export function healthOf(facts: AgentFacts): { problems: string[]; facts: Record<string, unknown> } {
  const { stateProblem, engineProblem, controlPlane, node, revision, pods } = facts;
  return {
    problems: stateProblem === undefined ? [] : [`state can't be written: ${stateProblem}`],
    facts: {
      node,
      engine: engineProblem ?? 'up',
      controlPlane: controlPlane === undefined ? 'not asked yet' : controlPlane ? 'reachable' : 'unreachable',
      revision,
      pods,
    },
  };
}

export function gaugesOf(facts: AgentFacts): Record<string, Gauge> {
  const flag = (value: boolean) => (value ? 1 : 0);
  const { user, system } = process.cpuUsage();
  return {
    terrane_agent_engine_up: { help: '1 if a Docker engine answers.', value: flag(facts.engineProblem === undefined) },
    terrane_agent_control_plane_up: { help: '1 if the control plane answered last.', value: flag(facts.controlPlane === true) },
    terrane_agent_push_connected: { help: '1 if the push connection is open.', value: flag(facts.pushConnected) },
    terrane_agent_state_writable: { help: '1 if the agent can write its state.', value: flag(facts.stateProblem === undefined) },
    terrane_agent_pods: { help: 'Pods on this host.', value: facts.pods },
    terrane_agent_containers: { help: 'Containers of this agent, dead ones too.', value: facts.containers },
    terrane_agent_assignment_revision: { help: 'Revision of the assignment in force.', value: facts.revision },
    process_resident_memory_bytes: { help: 'Resident memory size in bytes.', value: process.memoryUsage.rss() },
    process_cpu_seconds_total: { help: 'User and system CPU time spent in seconds.', value: (user + system) / 1e6 },
  };
}
