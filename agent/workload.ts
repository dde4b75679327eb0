import type { Assignment } from '../core/node/assignment.ts';
import { isFenced } from '../core/node/fencing.ts';
import type { Logger } from '../core/ports/logger.ts';
import { applyAssignment, configSource } from './assignment-state.ts';
import { DockerConnection } from './docker/connection.ts';
import { dockerEngine, type Engine } from './docker/engine.ts';
import { messageOf } from './docker/errors.ts';
import type { EventLog } from './event-log.ts';
import type { FenceGuard } from './fencing/fence-guard.ts';
import { fencedContainers } from './fencing/fenced-containers.ts';
import { leaseFile } from './fencing/lease-file.ts';
import { type LeaseKeeper, leaseKeeper } from './fencing/lease-keeper.ts';
import { imageCollector } from './images/image-gc.ts';
import { imageStore } from './images/image-store.ts';
import type { HostInfo } from './node/host-info.ts';
import { mayStart } from './planner/may-start.ts';
import { containerMemory, type PodMemory } from './planner/memory.ts';
import type { ObservedContainer } from './planner/observed.ts';
import type { VolumeVersions } from './planner/plan.ts';
import type { StepType } from './planner/steps.ts';
import { prober } from './probes/prober.ts';
import { reconciler } from './reconciler.ts';
import { containerCache } from './runtime/container-cache.ts';
import { type EngineState, watchEngine } from './runtime/engine-watch.ts';
import type { HostNames } from './runtime/dns-config.ts';
import type { HostFacts } from './runtime/environment.ts';
import { terminationMessage } from './runtime/termination-message.ts';
import type { StateStore } from './state-store.ts';
import type { StepContext } from './steps/context.ts';
import { hookRunner } from './steps/hooks.ts';
import { lane } from './lane.ts';
import type { Layout } from './volumes/layout.ts';
import { volumesVersion } from './volumes/payload.ts';
import { podVolumes } from './volumes/pod-volumes.ts';
import { sweepPods } from './volumes/sweep.ts';

/** The pods of this host: what is assigned and what the engine shows meet here, and the host is made to match. */
export interface Workload {
  readonly engine: Engine;
  readonly engineState: () => EngineState;
  readonly assignment: () => Assignment | undefined;
  /** Revision of the assignment that the host has made true, 0 before the first. */
  readonly observedRevision: () => number;
  readonly pods: ReadonlyMap<string, PodMemory>;
  /**
   * What the engine showed when it was last taken in: reports tell of nothing newer, whose meaning isn't worked out yet.
   * `unknown`: it is about to be asked for the first time; undefined: there is nothing to ask, or nothing to ask for.
   */
  readonly taken: () => ReadonlyMap<string, readonly ObservedContainer[]> | 'unknown' | undefined;
  readonly containersOf: (uid: string) => readonly ObservedContainer[];
  readonly containerCount: () => number;
  /** Of running containers with a network of their own. */
  readonly podAddresses: () => readonly string[];
  readonly probed: (id: string) => { readonly ready: boolean; readonly started: boolean };
  /** Puts an assignment in force. */
  assign(next: Assignment): Promise<void>;
  /** Ids of fenced containers that run, or might; undefined: no engine has been asked yet. */
  readonly fencedContainers: () => readonly string[] | undefined;
  /** This host's lease: fenced pods run only while it is held. */
  readonly lease: LeaseKeeper;
  /** The cluster has given the work to other hosts: stops all of it. */
  dismiss(reason: string): void;
  collectImages(): Promise<void>;
  close(): Promise<void>;
}

export interface WorkloadOptions {
  /** Docker's socket. */
  readonly docker: string;
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  readonly info: HostInfo;
  readonly layout: Layout;
  readonly state: StateStore;
  readonly events: EventLog;
  readonly log: Logger;
  readonly now: () => number;
  /** Of the machine, ms: goes on while it sleeps, and nobody sets it. */
  readonly uptime: () => number;
  readonly host: () => Omit<HostFacts, 'podIp'>;
  readonly names: () => HostNames;
  readonly podNetwork: () => Promise<string | undefined>;
  readonly signal: AbortSignal;
  /** There may be news to report; `settled`: nothing more is about to change. */
  readonly onChange: (settled: boolean) => void;
  readonly onEngineConnected: () => void;
  /** Fenced work may run, or may not any more. */
  readonly onLease: () => void;
  readonly guard: () => FenceGuard;
  readonly onStep: (type: StepType, ok: boolean) => void;
}

/** Starting is work for the processor: a few more than it has cores at once, and never a crowd. */
const STARTS_MAX = 8;

export async function openWorkload(options: WorkloadOptions): Promise<Workload> {
  const { owner, info, layout, state, events, log, now, host, signal, onChange } = options;
  const { pods } = state;
  let assignment: Assignment | undefined = state.assignment;
  let observedRevision = 0;
  let taken: ReadonlyMap<string, readonly ObservedContainer[]> | undefined;
  const source = configSource(() => assignment);
  if (assignment) applyAssignment(pods, assignment.pods, now());

  const engine = dockerEngine(new DockerConnection(options.docker));
  const readMessage = terminationMessage(engine, layout, (uid) => pods.get(uid)?.pod);
  const cache = containerCache({ engine, owner, terminationMessage: readMessage });
  const probes = prober({ engine, events, now, hostIp: () => host().hostIp, onChange: () => loop.trigger() });
  const images = await imageCollector({ engine, file: layout.images, now, log });

  const volumesWritten = new Map<string, string>();
  const volumeVersions = (): Map<string, VolumeVersions> => {
    const versions = new Map<string, VolumeVersions>();
    for (const [uid, { pod }] of pods) {
      const wanted = volumesVersion(pod, source);
      if (wanted !== '') versions.set(uid, { wanted, written: volumesWritten.get(uid) });
    }
    return versions;
  };
  const context: StepContext = {
    engine,
    cache,
    events,
    source,
    owner,
    now,
    host,
    names: options.names,
    podNetwork: options.podNetwork,
    images: imageStore(engine, images.pulled),
    volumes: podVolumes(layout, (message) => log.warn(message)),
    hooks: hookRunner(engine, signal),
    starting: lane(Math.min(info.cpus + 1, STARTS_MAX)),
    ending: lane(1),
    bootId: info.bootId,
    hostMemoryBytes: info.memoryBytes,
    architecture: process.arch,
    pod: (uid) => pods.get(uid),
    volumesWritten(uid, version) {
      if (version === undefined) volumesWritten.delete(uid);
      else volumesWritten.set(uid, version);
    },
    volumesWanted: (uid) => volumeVersions().get(uid)?.wanted,
    cancel: (key) => loop.cancel(key),
    mayStart: (uid) => mayStart(pods.get(uid), lease.holds()),
    guarded: (pod, id, start) => (isFenced(pod) ? fenced.during(id, start) : start()),
  };
  const fenced = fencedContainers({ cache, guard: options.guard, pod: (uid) => pods.get(uid)?.pod });
  const lease = leaseKeeper({
    file: leaseFile(layout.lease),
    bootId: info.bootId,
    assignment: () => assignment,
    now,
    uptime: options.uptime,
    log,
    onChange() {
      loop.trigger();
      options.onLease();
    },
    onUntil: () => options.guard().tell(),
  });
  const lapsed = () => {
    const at = lease.lapsedAt();
    return at === undefined ? undefined : { at, graceSeconds: lease.graceSeconds() };
  };

  const ready = () => watch.state().up && assignment !== undefined;
  const loop = reconciler({
    context,
    pods,
    log,
    ready,
    volumes: volumeVersions,
    lapsed,
    unhealthy: () => probes.unhealthy(),
    onObserved() {
      taken = cache.byPod();
      probes.watch(pods.values(), taken);
      rememberReadiness();
    },
    onPlanned(settled) {
      if (settled && assignment) observedRevision = assignment.revision;
      dropGone();
      sweepOnce();
      state.touch();
      options.guard().tell();
      onChange(settled);
    },
    onStep: options.onStep,
  });
  const watch = watchEngine({
    engine,
    owner,
    cache,
    log,
    signal,
    onConnected() {
      fenced.looked();
      options.onEngineConnected();
    },
    onChange() {
      loop.trigger();
      if (!ready()) onChange(true);
    },
  });

  /** For the next agent: it need not start from "not ready". */
  function rememberReadiness(): void {
    for (const c of cache.all()) {
      const memory = pods.get(c.podUid);
      if (!memory || c.kind !== 'main' || c.state !== 'running') continue;
      containerMemory(memory, c.container).ready = { id: c.id, ...probes.probed(c.id) };
    }
  }

  /** A pod that isn't assigned any more and of which nothing is left is forgotten; one that is, is reported as gone. */
  function dropGone(): void {
    const assigned = new Set(assignment?.pods.map(({ metadata }) => metadata.uid));
    for (const [uid, memory] of pods) if (memory.gone && !assigned.has(uid)) pods.delete(uid);
  }

  let swept = false;
  /** Not before it is known what is assigned and what runs: what looks forgotten may belong to a running pod. */
  function sweepOnce(): void {
    if (swept) return;
    swept = true;
    sweepPods(layout, new Set([...pods.keys(), ...cache.byPod().keys()])).catch((error: unknown) => {
      log.warn('what former pods left behind was not removed', { reason: messageOf(error) });
    });
  }

  async function enforce(next: Assignment): Promise<void> {
    // On disk first: what was started must be known after a crash.
    await state.saveAssignment(next);
    assignment = next;
    applyAssignment(pods, next.pods, now());
    loop.trigger();
  }

  return {
    engine,
    pods,
    engineState: watch.state,
    assignment: () => assignment,
    observedRevision: () => observedRevision,
    taken: () => taken ?? (ready() ? 'unknown' : undefined),
    containersOf: (uid) => cache.byPod().get(uid) ?? [],
    containerCount: () => [...cache.all()].length,
    fencedContainers: fenced.ids,
    podAddresses: () => [...cache.all()].flatMap(({ state, ip }) => (state === 'running' && ip ? [ip] : [])),
    probed: (id) => probes.probed(id),
    async assign(next) {
      if (assignment && next.revision < assignment.revision && next.cluster === assignment.cluster) {
        const fields = { revision: next.revision, inForce: assignment.revision };
        return log.warn('an assignment older than the one in force was not applied', fields);
      }
      await enforce(next);
    },
    dismiss(reason) {
      if (!assignment || (assignment.pods.length === 0 && !assignment.units?.length && !assignment.network)) return;
      log.error('this node was removed from its cluster: its containers and units are stopped', { reason });
      const { network: _, ...rest } = assignment;
      void enforce({ ...rest, pods: [], configMaps: [], secrets: [], units: [] });
    },
    async collectImages() {
      const engineState = watch.state();
      if (!engineState.up) return;
      const specs = [...pods.values()].flatMap(({ pod }) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers]);
      try {
        await images.collect(engineState.info.DockerRootDir, new Set(specs.map(({ image }) => image)));
      } catch (error) {
        log.warn('images could not be cleaned up', { reason: messageOf(error) });
      }
    },
    lease,
    async close() {
      lease.close();
      loop.close();
      probes.close();
      await watch.done;
      await state.close();
      engine.close();
    },
  };
}
