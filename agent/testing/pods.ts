import type { Container, Pod, PodSpec } from '../../core/resources/schema/pod.ts';
import { newPodMemory, type PodMemory } from '../planner/memory.ts';
import { PAUSE_CONTAINER, type ObservedContainer } from '../planner/observed.ts';
import type { PlanInput } from '../planner/plan.ts';
import { specHash } from '../planner/pod-rules.ts';

/** Builders for unit tests, so that each reads as a sentence. */

export const NOW = Date.parse('2026-06-01T12:00:00Z');
export const BOOT = 'boot-1';

export function container(name = 'main', more: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...more };
}

export function pod(name = 'web', spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '', creationTimestamp: '', ...metadata },
    spec: { containers: [container()], restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...spec },
  };
}

export function memoryOf(of: Pod = pod(), more: Partial<PodMemory> = {}): PodMemory {
  return { ...newPodMemory(of, NOW - 60_000), ...more };
}

/** A container of `of` as the engine shows it: running, unless told otherwise. */
export function observed(of: Pod, name = 'main', more: Partial<ObservedContainer> = {}): ObservedContainer {
  const spec = [...of.spec.containers, ...(of.spec.initContainers ?? [])].find((one) => one.name === name);
  const attempt = more.attempt ?? 0;
  return {
    id: `${of.metadata.name}-${name}-${attempt}`,
    podUid: of.metadata.uid,
    namespace: of.metadata.namespace ?? '',
    podName: of.metadata.name,
    container: name,
    kind: name === PAUSE_CONTAINER ? 'pause' : of.spec.containers.some((one) => one.name === name) ? 'main' : 'init',
    attempt,
    specHash: spec ? specHash(spec) : '',
    sandbox: undefined,
    graceSeconds: 30,
    state: 'running',
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt: NOW - 30_000,
    finishedAt: undefined,
    ip: '10.0.0.2',
    imageId: 'sha256:1',
    image: spec?.image ?? '',
    tty: false,
    ...more,
  };
}

/** It ended a second ago. */
export function exited(exitCode: number, more: Partial<ObservedContainer> = {}): Partial<ObservedContainer> {
  return { state: 'exited', exitCode, finishedAt: NOW - 1000, ip: undefined, ...more };
}

export function planInput(
  pods: readonly PodMemory[],
  containers: readonly ObservedContainer[] = [],
  more: Partial<PlanInput> = {},
): PlanInput {
  const byPod = new Map<string, ObservedContainer[]>();
  for (const one of containers) byPod.set(one.podUid, [...(byPod.get(one.podUid) ?? []), one]);
  return { now: NOW, bootId: BOOT, pods, observed: byPod, busy: new Set(), unhealthy: new Map(), volumes: new Map(), ...more };
}
