import type { DnsFacts } from '../dns/start-dns.ts';
import type { RunningKv } from '../kv/start-kv.ts';
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
  readonly kv: ReturnType<RunningKv['facts']>;
  /** What of Services and policies can't be done here, and why. */
  readonly serviceProblems: readonly string[];
  readonly dns: DnsFacts;
  /** Of the hosts that this one watches, those that have answered it: do they still? */
  readonly peers: ReadonlyMap<string, boolean>;
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
      kv: kvFacts(facts.kv),
      ...(facts.serviceProblems.length > 0 ? { services: facts.serviceProblems } : {}),
      dns: facts.dns.listening ?? facts.dns.problem ?? 'not served',
    },
  };
}

function kvFacts(kv: AgentFacts['kv']): Record<string, unknown> {
  const { listening, problem, revision, keys, bytes, following, tooLarge, damage, diskProblem } = kv;
  return {
    etcd: problem ?? (listening.length > 0 ? listening : 'not served'),
    copy: tooLarge ?? (revision === undefined ? 'none yet' : { revision, keys, bytes, upToDate: following }),
    ...(damage === undefined ? {} : { loadedAgain: damage }),
    ...(diskProblem === undefined ? {} : { notOnDisk: diskProblem }),
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
    terrane_agent_kv_listening: { help: 'Addresses at which etcd is served.', value: facts.kv.listening.length },
    terrane_agent_kv_copy: {
      help: '1 if this host has a copy of the key-value store.',
      value: flag(facts.kv.revision !== undefined),
    },
    terrane_agent_kv_too_large: {
      help: '1 if the chosen keys take too much memory.',
      value: flag(facts.kv.tooLarge !== undefined),
    },
    terrane_agent_kv_following: { help: '1 while the copy is kept up to date.', value: flag(facts.kv.following) },
    terrane_agent_kv_revision: { help: 'Revision of the copy.', value: facts.kv.revision ?? 0 },
    terrane_agent_kv_bytes: { help: 'Memory of the copy, about.', value: facts.kv.bytes },
    terrane_agent_kv_keys: { help: 'Keys in the copy.', value: facts.kv.keys },
    terrane_agent_kv_watchers: { help: 'Watch streams that are open.', value: facts.kv.watchers },
    terrane_agent_kv_local_total: { help: 'Calls answered from the copy.', value: facts.kv.answeredLocally },
    terrane_agent_kv_forwarded_total: { help: 'Calls passed on to the control plane.', value: facts.kv.forwarded },
    terrane_agent_dns_listening: { help: '1 if names are answered.', value: flag(facts.dns.listening !== undefined) },
    terrane_agent_dns_questions_total: { help: 'Questions about names.', value: facts.dns.questions },
    terrane_agent_dns_forwarded_total: { help: "Questions passed on to the host's name servers.", value: facts.dns.forwarded },
    terrane_agent_dns_unanswered_total: { help: 'Those of them that got no answer.', value: facts.dns.unanswered },
    terrane_agent_peer_up: {
      help: "1 if a host that this one watches answers through the pods' network, 0 if it did and no longer does.",
      value: Array.from(facts.peers, ([peer, answers]) => ({ labels: { peer }, value: flag(answers) })),
    },
    process_resident_memory_bytes: { help: 'Resident memory size in bytes.', value: process.memoryUsage.rss() },
    process_cpu_seconds_total: { help: 'User and system CPU time spent in seconds.', value: (user + system) / 1e6 },
  };
}
