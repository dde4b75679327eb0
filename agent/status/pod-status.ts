import { qosClass } from '../../core/resources/pod-spec/qos.ts';
import type { ContainerStatus, PodStatus } from '../../core/resources/schema/pod.ts';
import type { PodMemory } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { containerStatus, type StatusContext } from './container-status.ts';

/** A pod's status by Kubernetes' rules. Remembers in `memory` when a condition last changed. */
export function podStatus(memory: PodMemory, own: readonly ObservedContainer[], context: StatusContext): PodStatus {
  const { pod } = memory;
  const { initContainers = [], containers } = pod.spec;
  const init = initContainers.map((container) => containerStatus(memory, container, 'init', own, context));
  const main = containers.map((container) => containerStatus(memory, container, 'main', own, context));
  const phase = phaseOf(memory, init, main);
  const ip = podIp(memory, own, context.hostIp);
  return {
    phase,
    conditions: conditionsOf(memory, phase, init, main, context),
    ...memory.failed,
    hostIP: context.hostIp,
    ...(ip ? { podIP: ip, podIPs: [{ ip }] } : {}),
    startTime: context.time(memory.startTime),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
    qosClass: qosClass(pod.spec),
  };
}

type Phase = NonNullable<PodStatus['phase']>;

function phaseOf(memory: PodMemory, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): Phase {
  if (memory.failed) return 'Failed';
  const policy = memory.pod.spec.restartPolicy ?? 'Always';
  const initPending = init.filter(({ state }) => state.terminated?.exitCode !== 0);
  if (initPending.length > 0 && main.every(({ state, lastState }) => state.waiting && !lastState.terminated)) {
    return policy === 'Never' && initPending.some(({ state }) => state.terminated) ? 'Failed' : 'Pending';
  }
  if (main.some(({ state, lastState }) => state.waiting && !lastState.terminated)) return 'Pending';
  if (main.some(({ state }) => state.running) || main.some(({ state }) => state.waiting)) return 'Running';
  if (policy === 'Always' && !memory.ending) return 'Running';
  if (main.every(({ state }) => state.terminated?.exitCode === 0)) return 'Succeeded';
  return policy === 'OnFailure' && !memory.ending ? 'Running' : 'Failed';
}

function podIp({ pod }: PodMemory, own: readonly ObservedContainer[], hostIp: string): string | undefined {
  const running = own.filter((c) => c.state === 'running');
  if (pod.spec.hostNetwork) return running.length > 0 ? hostIp : undefined;
  return (running.find((c) => c.kind === 'pause') ?? running.find((c) => c.kind === 'main' && c.ip) ?? running.find((c) => c.ip))
    ?.ip;
}

/** Addresses of pods that have one of their own, by uid. */
export function podAddresses(
  pods: Iterable<PodMemory>,
  containersOf: (uid: string) => readonly ObservedContainer[],
): Map<string, string> {
  const addresses = new Map<string, string>();
  for (const memory of pods) {
    const { uid } = memory.pod.metadata;
    const ip = memory.pod.spec.hostNetwork ? undefined : podIp(memory, containersOf(uid), '');
    if (ip) addresses.set(uid, ip);
  }
  return addresses;
}

interface Verdict {
  readonly ok: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function conditionsOf(
  memory: PodMemory,
  phase: Phase,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
  context: StatusContext,
): NonNullable<PodStatus['conditions']> {
  const unready = main.filter(({ ready }) => !ready).map(({ name }) => name);
  const pending = init.filter(({ state }) => state.terminated?.exitCode !== 0).map(({ name }) => name);
  const initialized: Verdict =
    pending.length === 0 || main.some(({ state }) => state.running)
      ? { ok: true }
      : { ok: false, reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${pending.join(' ')}]` };
  const ready: Verdict =
    phase === 'Succeeded'
      ? { ok: false, reason: 'PodCompleted' }
      : phase === 'Failed'
        ? { ok: false, reason: 'PodFailed' }
        : unready.length === 0
          ? { ok: true }
          : { ok: false, reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const verdicts: Record<string, Verdict> = {
    PodScheduled: { ok: true },
    Initialized: initialized,
    Ready: ready,
    ContainersReady: ready,
  };
  const since = (memory.conditions ??= {});
  return Object.entries(verdicts).map(([type, { ok, reason, message }]) => {
    const status = ok ? 'True' : 'False';
    if (since[type]?.status !== status) since[type] = { status, at: type === 'PodScheduled' ? memory.startTime : context.now };
    return {
      type,
      status,
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
      lastTransitionTime: context.time(since[type]!.at),
    };
  });
}
