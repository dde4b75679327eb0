/** What the engine shows of one container that is ours. Times are ms since the epoch by this host's clock. */
export interface ObservedContainer {
  readonly id: string;
  readonly podUid: string;
  readonly namespace: string;
  readonly podName: string;
  /** Name of the pod's container; `POD` for the pause container. */
  readonly container: string;
  readonly kind: ContainerKind;
  /** 0 for the first start, one more with each restart: part of the name, so that the engine refuses a second of the same. */
  readonly attempt: number;
  readonly specHash: string;
  /** Id of the pause container whose network it shares. */
  readonly sandbox: string | undefined;
  /** How long it may take to stop if nobody remembers its pod, seconds. */
  readonly graceSeconds: number;
  readonly state: 'created' | 'running' | 'exited';
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the engine could not start it. */
  readonly error: string;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly ip: string | undefined;
  readonly imageId: string;
  readonly image: string;
  readonly tty: boolean;
  /** What it left in its termination message file when it ended. */
  readonly message?: string;
}

export type ContainerKind = 'init' | 'main' | 'pause';

export const PAUSE_CONTAINER = 'POD';
