import type { Container, ContainerStatus, Pod } from '../../core/resources/schema/pod.ts';
import { latestAttempt } from '../planner/absorb.ts';
import { restartAt } from '../planner/backoff.ts';
import type { Blocked, ContainerMemory, PodMemory, Termination } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { restarts } from '../planner/pod-rules.ts';

export interface StatusContext {
  /** ms since the epoch by this host's clock. */
  readonly now: number;
  /** To RFC 3339 with seconds, in the control plane's time. */
  readonly time: (at: number) => string;
  readonly hostIp: string;
  /** By container id: what the probes say. */
  probed(id: string): { readonly ready: boolean; readonly started: boolean };
}

type State = ContainerStatus['state'];

/** A container as `kubectl get` and `describe` show it. */
export function containerStatus(
  { pod, ...memory }: PodMemory,
  container: Container,
  kind: 'init' | 'main',
  own: readonly ObservedContainer[],
  context: StatusContext,
): ContainerStatus {
  const past = memory.containers[container.name] ?? { attempt: -1, backoffMs: 0 };
  const running = latestAttempt(own.filter((c) => c.container === container.name && c.kind === kind && c.state === 'running'));
  const probed = running ? context.probed(running.id) : { ready: false, started: false };
  const state = running
    ? { running: { startedAt: context.time(running.startedAt ?? past.startedAt ?? context.now) } }
    : stateOf(pod, memory, container, kind, past, context);
  const endedShown = state.terminated !== undefined;
  const before = endedShown || running ? past.before : (past.ended ?? past.before);
  const imageId = running?.imageId ?? past.imageId;
  const id = running?.id ?? past.containerId;
  return {
    name: container.name,
    state,
    lastState: before ? { terminated: terminated(before, context) } : {},
    ready: kind === 'init' ? past.ended?.exitCode === 0 : probed.ready,
    started: kind === 'init' ? running !== undefined : probed.started,
    restartCount: Math.max(0, past.attempt),
    image: container.image,
    imageID: imageId ? `docker://${imageId}` : '',
    ...(id ? { containerID: `docker://${id}` } : {}),
  };
}

function stateOf(
  pod: Pod,
  memory: Omit<PodMemory, 'pod'>,
  container: Container,
  kind: 'init' | 'main',
  past: ContainerMemory,
  context: StatusContext,
): State {
  const stopped = memory.ending !== undefined || memory.failed !== undefined;
  const again = past.ended && !stopped && (kind === 'init' ? past.ended.exitCode !== 0 : true) && restarts(pod, past.ended);
  if (past.ended && !again) return { terminated: terminated(past.ended, context) };
  if (past.blocked) return { waiting: blockedState(container, past.blocked) };
  if (past.ended) {
    if (context.now >= restartAt(past) || past.backoffMs === 0) return { terminated: terminated(past.ended, context) };
    const name = `${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid})`;
    return {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: `back-off ${past.backoffMs / 1000}s restarting failed container=${name}`,
      },
    };
  }
  if (memory.sandboxBlocked) return { waiting: { reason: 'ContainerCreating', message: memory.sandboxBlocked.message } };
  const initPending = (pod.spec.initContainers ?? []).some(({ name }) => memory.containers[name]?.ended?.exitCode !== 0);
  return { waiting: { reason: initPending && kind === 'main' ? 'PodInitializing' : 'ContainerCreating' } };
}

/** As Kubernetes: first what went wrong, and from the second time on that it is being waited. */
function blockedState({ image }: Container, { reason, message, failures }: Blocked): NonNullable<State['waiting']> {
  if (reason === 'ErrImagePull' && failures > 1) {
    return { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": ${message}` };
  }
  return { reason, message };
}

function terminated(end: Termination, { time }: StatusContext): NonNullable<State['terminated']> {
  return {
    exitCode: end.exitCode,
    ...(end.signal === undefined ? {} : { signal: end.signal }),
    reason: end.reason,
    ...(end.message === undefined ? {} : { message: end.message }),
    ...(end.startedAt === undefined ? {} : { startedAt: time(end.startedAt) }),
    finishedAt: time(end.finishedAt),
    ...(end.containerId ? { containerID: `docker://${end.containerId}` } : {}),
  };
}
