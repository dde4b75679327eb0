/**
 * What the planner may decide, as data: step name -> arguments. A step without an executor does not compile
 * (see steps/executors.ts).
 */
export interface StepArguments {
  /** Make the pause container that holds a pod's network. */
  startSandbox: { readonly attempt: number };
  startContainer: { readonly container: string; readonly kind: 'init' | 'main'; readonly attempt: number };
  /** preStop hook, stop signal, and SIGKILL after `graceSeconds` in all. */
  stopContainer: {
    readonly container: string;
    readonly id: string;
    readonly graceSeconds: number;
    /** Why, for people. */
    readonly reason: string;
    readonly message: string;
  };
  /** SIGKILL now: the time for stopping is over, or there is nothing in it to lose (pause). */
  killContainer: { readonly container: string; readonly id: string };
  removeContainer: { readonly container: string; readonly id: string };
  /** A ConfigMap or Secret that the pod mounts has changed: write it anew. */
  refreshVolumes: { readonly version: string };
  /** Remove what the pod has on the disk. Afterwards nothing of it is left. */
  cleanPod: Record<never, never>;
  /** Remember that all init containers have succeeded. */
  finishInit: Record<never, never>;
  /** Remember that the pod may not go on. */
  failPod: { readonly reason: string; readonly message: string };
  /** Tell people, once for each attempt, that a container waits for its next one. */
  announceBackoff: { readonly container: string; readonly attempt: number };
  /** Give up a step that is under way (a pull) because its pod is going away. */
  cancelStep: { readonly cancel: string };
}

export type StepType = keyof StepArguments;
export type StepOf<T extends StepType> = {
  readonly type: T;
  /** Steps with the same key never run at the same time. */
  readonly key: string;
  readonly podUid: string;
} & StepArguments[T];
export type Step = { [T in StepType]: StepOf<T> }[StepType];

export function step<T extends StepType>(type: T, podUid: string, arguments_: StepArguments[T]): StepOf<T> {
  return { type, podUid, key: keyOf(type, podUid, arguments_), ...arguments_ };
}

/** One key per container; kills and cancels overtake the step that they end; old containers are removed beside the new one. */
function keyOf(type: StepType, podUid: string, arguments_: StepArguments[StepType]): string {
  const container = 'container' in arguments_ ? arguments_.container : type === 'startSandbox' ? 'POD' : undefined;
  switch (type) {
    case 'killContainer':
    case 'removeContainer':
    case 'announceBackoff':
      return `${podUid}/${container}/${type}/${'id' in arguments_ ? arguments_.id : ''}`;
    case 'cancelStep':
      return `${podUid}/cancel/${'cancel' in arguments_ ? arguments_.cancel : ''}`;
    case 'startSandbox':
    case 'startContainer':
    case 'stopContainer':
      return containerKey(podUid, container ?? '');
    case 'refreshVolumes':
    case 'cleanPod':
      return `${podUid}/volumes`;
    case 'finishInit':
    case 'failPod':
      return `${podUid}/memory`;
  }
}

export function containerKey(podUid: string, container: string): string {
  return `${podUid}/${container}`;
}
