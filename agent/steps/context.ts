import type { Container, Pod } from '../../core/resources/schema/pod.ts';
import type { Engine } from '../docker/engine.ts';
import type { EventLog } from '../event-log.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { PodMemory } from '../planner/memory.ts';
import type { ContainerCache } from '../runtime/container-cache.ts';
import type { HostNames } from '../runtime/dns-config.ts';
import type { ConfigSource, HostFacts } from '../runtime/environment.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import type { HookRunner } from './hooks.ts';
import type { Lane } from '../lane.ts';

/** What executors work with. */
export interface StepContext {
  readonly engine: Engine;
  readonly cache: ContainerCache;
  readonly images: ImageStore;
  readonly volumes: PodVolumes;
  readonly hooks: HookRunner;
  readonly events: EventLog;
  /** Containers are started a few at a time: more at once are not faster. */
  readonly starting: Lane;
  /**
   * Containers are ended one after the other. Docker 20.10 can lock up for good when two networks are taken down at the same
   * time (libnetwork: an endpoint's deletion and another's leaving wait for each other's lock); seen with twenty at once.
   */
  readonly ending: Lane;
  readonly source: ConfigSource;
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  readonly bootId: string;
  readonly hostMemoryBytes: number;
  readonly architecture: string;
  now(): number;
  host(): Omit<HostFacts, 'podIp'>;
  names(): HostNames;
  /** Undefined for a pod that nobody remembers (containers left over). */
  pod(uid: string): PodMemory | undefined;
  /** Version of what was written into the pod's volumes. */
  volumesWritten(uid: string, version: string | undefined): void;
  volumesWanted(uid: string): string | undefined;
  cancel(key: string): void;
  /** Docker's network for a new pod; undefined: Docker's own. Waits until it is there. */
  podNetwork(): Promise<string | undefined>;
  /** May the pod's containers be started now? Not those of one that is being stopped, nor of a fenced one without a lease. */
  mayStart(podUid: string): boolean;
  /** Starts a container of the pod by `start`, once who ends it when the lease does knows of it, if it is fenced. */
  guarded<T>(pod: Pod, id: string, start: () => Promise<T>): Promise<T>;
}

/** The pod and the container that a step is about; throws when the pod was forgotten meanwhile. */
export function subject(context: StepContext, uid: string, name: string): { memory: PodMemory; pod: Pod; container: Container } {
  const memory = context.pod(uid);
  const spec = memory?.pod.spec;
  const container = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find((one) => one.name === name);
  if (!memory || !container) throw new Error(`pod ${uid} has no container ${name} any more`);
  return { memory, pod: memory.pod, container };
}
