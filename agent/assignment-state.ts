import { credentialsFor } from '../core/images/credentials-for.ts';
import type { Assignment } from '../core/node/assignment.ts';
import type { Pod } from '../core/resources/schema/pod.ts';
import { newPodMemory, type PodMemory } from './planner/memory.ts';
import { graceSeconds } from './planner/pod-rules.ts';
import type { ConfigSource } from './runtime/environment.ts';

/** An assignment's ConfigMaps and Secrets by name. */
export function configSource(current: () => Assignment | undefined): ConfigSource {
  let indexed: Assignment | undefined;
  const configMaps = new Map<string, Assignment['configMaps'][number]>();
  const secrets = new Map<string, Assignment['secrets'][number]>();
  const index = () => {
    const assignment = current();
    if (assignment === indexed) return;
    indexed = assignment;
    configMaps.clear();
    secrets.clear();
    for (const map of assignment?.configMaps ?? []) configMaps.set(`${map.metadata.namespace}/${map.metadata.name}`, map);
    for (const secret of assignment?.secrets ?? []) secrets.set(`${secret.metadata.namespace}/${secret.metadata.name}`, secret);
  };
  return {
    configMap(namespace, name) {
      index();
      return configMaps.get(`${namespace}/${name}`);
    },
    secret(namespace, name) {
      index();
      return secrets.get(`${namespace}/${name}`);
    },
    pullCredentials: (image) => credentialsFor(image, current()?.registries ?? []),
  };
}

/** Brings the memory of pods up to an assignment: new ones, changed ones, and those that must go. Mutates `pods`. */
export function applyAssignment(pods: Map<string, PodMemory>, assigned: readonly Pod[], now: number): void {
  const uids = new Set<string>();
  for (const pod of assigned) {
    const { uid } = pod.metadata;
    uids.add(uid);
    let memory = pods.get(uid);
    if (!memory || (memory.gone && !pod.metadata.deletionTimestamp)) {
      memory = newPodMemory(pod, now);
      recall(memory, pod);
      pods.set(uid, memory);
    }
    unblock(memory, pod);
    memory.pod = pod;
    if (pod.metadata.deletionTimestamp) end(memory, now);
    // It was taken away and given back before it had stopped.
    else delete memory.ending;
  }
  for (const [uid, memory] of pods) {
    if (uids.has(uid)) continue;
    if (memory.gone) pods.delete(uid);
    else end(memory, now);
  }
}

/** What a container waited for may have come with this assignment: it need not wait for its back-off. */
function unblock(memory: PodMemory, next: Pod): void {
  for (const [name, { blocked }] of Object.entries(memory.containers)) {
    if (!blocked) continue;
    const image = imageOf(next, name);
    if (blocked.reason === 'CreateContainerConfigError' || image !== imageOf(memory.pod, name)) blocked.retryAt = 0;
  }
}

function imageOf({ spec }: Pod, container: string): string | undefined {
  return [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === container)?.image;
}

function end(memory: PodMemory, now: number): void {
  const grace = graceSeconds(memory.pod);
  memory.ending ??= { since: now, graceSeconds: grace };
  // A second delete may shorten the time, never lengthen it.
  memory.ending.graceSeconds = Math.min(memory.ending.graceSeconds, grace);
}

/** A pod that had ended before this host forgot it must not run again: the control plane remembers that it ended. */
function recall(memory: PodMemory, pod: Pod): void {
  const phase = pod.status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return;
  memory.recalled = true;
  const exitCode = phase === 'Succeeded' ? 0 : 1;
  const reason = phase === 'Succeeded' ? 'Completed' : 'Error';
  for (const { name } of pod.spec.containers) {
    memory.containers[name] = { attempt: 0, backoffMs: 0, ended: { exitCode, reason, finishedAt: 0, containerId: '' } };
  }
  if (phase === 'Failed') memory.failed = { reason: 'Failed', message: 'it had failed before' };
}

/** A person-readable complaint if a document isn't an assignment; undefined if it is. The control plane validated the rest. */
export function assignmentProblem(document: unknown): string | undefined {
  const { cluster, revision, pods, configMaps, secrets, settings } = (document ?? {}) as Record<string, unknown>;
  if (typeof cluster !== 'string') return 'cluster is missing';
  if (typeof revision !== 'number') return 'revision is missing';
  for (const [name, list] of Object.entries({ pods, configMaps, secrets })) {
    if (!Array.isArray(list)) return `${name} is not a list`;
    const broken = list.findIndex(
      (one: { metadata?: { name?: unknown; uid?: unknown } } | null) => !one?.metadata?.name || !one.metadata.uid,
    );
    if (broken >= 0) return `${name}[${broken}] has no name or uid`;
  }
  const { reportSeconds, pollSeconds } = (settings ?? {}) as Record<string, unknown>;
  if (typeof reportSeconds !== 'number' || typeof pollSeconds !== 'number') return 'settings are missing';
  return undefined;
}
