import type { Assignment } from '../core/node/assignment.ts';
import type { PushMessage } from '../core/node/push.ts';
import type { Logger } from '../core/ports/logger.ts';
import { applyAssignment, configSource } from './assignment-state.ts';
import type { ServerTime } from './clock-offset.ts';
import { DockerConnection } from './docker/connection.ts';
import { dockerEngine } from './docker/engine.ts';
import { messageOf } from './docker/errors.ts';
import { eventLog } from './event-log.ts';
import { type AgentFacts, gaugesOf, healthOf } from './health/agent-health.ts';
import { startHealthServer } from './health/health-server.ts';
import { metrics } from './health/metrics.ts';
import type { Identity } from './identity/identity.ts';
import { imageCollector } from './images/image-gc.ts';
import { imageStore } from './images/image-store.ts';
import { hostInfo, nodeLabels } from './node/host-info.ts';
import { nodeReporter } from './node/node-reporter.ts';
import type { AgentOptions } from './options.ts';
import { containerMemory } from './planner/memory.ts';
import type { ObservedContainer } from './planner/observed.ts';
import type { VolumeVersions } from './planner/plan.ts';
import { prober } from './probes/prober.ts';
import { reconciler } from './reconciler.ts';
import { buildReport } from './report.ts';
import { containerCache } from './runtime/container-cache.ts';
import { watchEngine } from './runtime/engine-watch.ts';
import { terminationMessage } from './runtime/termination-message.ts';
import { openState } from './state-store.ts';
import type { StepContext } from './steps/context.ts';
import { hookRunner } from './steps/hooks.ts';
import { lane } from './steps/lane.ts';
import { pollAssignment } from './uplink/assignment-poll.ts';
import { pushChannel } from './uplink/push-channel.ts';
import { reporter } from './uplink/reporter.ts';
import type { SignedClient } from './uplink/signed-client.ts';
import { streams } from './uplink/streams.ts';
import type { Layout } from './volumes/layout.ts';
import { volumesVersion } from './volumes/payload.ts';
import { podVolumes } from './volumes/pod-volumes.ts';
import { sweepPods } from './volumes/sweep.ts';

export interface HostOptions {
  readonly options: AgentOptions;
  readonly identity: Identity;
  readonly layout: Layout;
  readonly client: SignedClient;
  readonly time: ServerTime;
  readonly log: Logger;
  readonly version: string;
  readonly now: () => number;
  /** [0, 1), for jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

const MEASURE_MS = 30_000;
const IMAGE_COLLECT_MS = 300_000;
/** Starting is work for the processor: a few more than it has cores at once, and never a crowd. */
const STARTS_MAX = 8;
/** Before the first assignment says otherwise. */
const SETTINGS = { reportSeconds: 20, pollSeconds: 300 };

/**
 * A host that has joined: the parts wired together. What is assigned (from disk, then from the control plane) and what the
 * engine shows meet in the reconciler; what comes of it goes to the reporter. Runs until `signal`.
 */
export async function runHost(host: HostOptions): Promise<void> {
  const { options, identity, layout, client, time, log, now, random, signal } = host;
  const info = hostInfo();
  const owner = `${identity.cluster}/${identity.hostId}`;
  const counted = metrics();

  const state = await openState({ layout, log, onProblem: () => report.check(true) });
  const { pods } = state;
  let assignment: Assignment | undefined = state.assignment;
  let observedRevision = 0;
  /** What the engine showed when it was last taken in: reports tell of nothing newer, whose meaning isn't worked out yet. */
  let taken: ReadonlyMap<string, readonly ObservedContainer[]> | undefined;
  const source = configSource(() => assignment);
  if (assignment) applyAssignment(pods, assignment.pods, now());

  const engine = dockerEngine(new DockerConnection(options.docker));
  const events = eventLog({ serverTime: time.now, log, onAdd: () => report.check(false) });
  const cache = containerCache({
    engine,
    owner,
    terminationMessage: terminationMessage(engine, layout, (uid) => pods.get(uid)?.pod),
  });
  const node = await nodeReporter({
    info,
    nodeName: identity.nodeName,
    version: host.version,
    server: client.server,
    dataDirectory: layout.data,
    engine: () => engineWatch.state(),
    stateProblem: state.problem,
    now,
    time: time.text,
  });
  const probes = prober({ engine, events, now, hostIp: node.address, onChange: () => loop.trigger() });
  const images = await imageCollector({ engine, file: layout.images, now, log });
  const volumesWritten = new Map<string, string>();

  const context: StepContext = {
    engine,
    cache,
    images: imageStore(engine, images.pulled),
    volumes: podVolumes(layout, (message) => log.warn(message)),
    hooks: hookRunner(engine, signal),
    events,
    starting: lane(Math.min(info.cpus + 1, STARTS_MAX)),
    ending: lane(1),
    source,
    owner,
    bootId: info.bootId,
    hostMemoryBytes: info.memoryBytes,
    architecture: process.arch,
    now,
    host: () => ({ nodeName: identity.nodeName, hostIp: node.address() }),
    pod: (uid) => pods.get(uid),
    volumesWritten(uid, version) {
      if (version === undefined) volumesWritten.delete(uid);
      else volumesWritten.set(uid, version);
    },
    volumesWanted: (uid) => volumeVersions().get(uid)?.wanted,
    cancel: (key) => loop.cancel(key),
  };

  const volumeVersions = (): Map<string, VolumeVersions> => {
    const versions = new Map<string, VolumeVersions>();
    for (const [uid, { pod }] of pods) {
      const wanted = volumesVersion(pod, source);
      if (wanted !== '') versions.set(uid, { wanted, written: volumesWritten.get(uid) });
    }
    return versions;
  };

  const ready = () => engineWatch.state().up && assignment !== undefined;
  const loop = reconciler({
    context,
    pods,
    log,
    ready,
    volumes: volumeVersions,
    unhealthy: () => probes.unhealthy(),
    onObserved() {
      taken = cache.byPod();
      probes.watch(pods.values(), cache.byPod());
      for (const c of cache.all()) {
        const memory = pods.get(c.podUid);
        if (memory && c.kind === 'main' && c.state === 'running') {
          containerMemory(memory, c.container).ready = { id: c.id, ...probes.probed(c.id) };
        }
      }
    },
    onPlanned(settled) {
      if (settled && assignment) observedRevision = assignment.revision;
      dropGone();
      sweepOnce();
      state.touch();
      report.check(settled);
    },
    onStep(type, ok) {
      counted.count('terrane_agent_steps_total', { step: type, result: ok ? 'ok' : 'error' });
      if (type === 'startContainer' && ok) counted.count('terrane_agent_container_starts_total');
    },
  });
  const engineWatch = watchEngine({
    engine,
    owner,
    cache,
    log,
    signal,
    onChange() {
      loop.trigger();
      if (!ready()) report.check(true);
    },
    onConnected: () => void measure(),
  });
  const measure = async () => {
    await node.measure();
    report.check(true);
  };

  let swept = false;
  /** Not before it is known what is assigned and what runs: what looks forgotten may belong to a running pod. */
  function sweepOnce(): void {
    if (swept) return;
    swept = true;
    sweepPods(layout, new Set([...pods.keys(), ...cache.byPod().keys()])).catch((error: unknown) => {
      log.warn('what former pods left behind was not removed', { reason: messageOf(error) });
    });
  }

  /** A pod that isn't assigned any more and of which nothing is left is forgotten; one that is, is reported as gone. */
  function dropGone(): void {
    const assigned = new Set(assignment?.pods.map(({ metadata }) => metadata.uid));
    for (const [uid, memory] of pods) if (memory.gone && !assigned.has(uid)) pods.delete(uid);
  }

  const report = reporter({
    client,
    log,
    random,
    now,
    signal,
    onRevoked,
    reportSeconds: () => assignment?.settings.reportSeconds ?? SETTINGS.reportSeconds,
    build() {
      const nodeStatus = node.status();
      if (!nodeStatus || (ready() && !taken)) return undefined;
      return buildReport({
        agentVersion: host.version,
        bootId: info.bootId,
        observedRevision,
        node: nodeStatus,
        labels: nodeLabels(info, identity.nodeName),
        // Of pods that no engine has been asked about yet, nothing new is known.
        pods: taken ? pods.values() : [],
        observed: taken ?? new Map(),
        status: { now: now(), time: time.text, hostIp: node.address(), probed: (id) => probes.probed(id) },
        events: events.recent(),
      });
    },
    onSent(_at, revision) {
      counted.count('terrane_agent_reports_total');
      // Where nothing can be pushed (a proxy without WebSockets), reports tell that there may be news.
      if (!assignment || reachable === false || (!push.connected() && revision > askedRevision)) poll.now();
      askedRevision = Math.max(askedRevision, revision);
    },
  });

  let reachable: boolean | undefined;
  let askedRevision = 0;
  const poll = pollAssignment({
    client,
    log,
    random,
    signal,
    pollSeconds: () => assignment?.settings.pollSeconds ?? SETTINGS.pollSeconds,
    async onAssignment(next) {
      if (assignment && next.revision < assignment.revision && next.cluster === assignment.cluster) {
        log.warn('an assignment older than the one in force was not applied', {
          revision: next.revision,
          inForce: assignment.revision,
        });
        return;
      }
      counted.count('terrane_agent_assignments_total');
      // On disk first: what was started must be known after a crash.
      await state.saveAssignment(next);
      assignment = next;
      applyAssignment(pods, next.pods, now());
      loop.trigger();
    },
    onReachable(answers) {
      const back = answers && reachable !== true;
      reachable = answers;
      if (!back) return;
      report.reachable();
      push.reachable();
    },
    onRevoked,
  });

  /** Whichever request hears of it first: the cluster has given the work to other hosts. */
  function onRevoked(message: string): void {
    if (!assignment || assignment.pods.length === 0) return;
    log.error('this node was removed from its cluster: its containers are stopped', { reason: message });
    assignment = { ...assignment, pods: [], configMaps: [], secrets: [] };
    void state.saveAssignment(assignment);
    applyAssignment(pods, [], now());
    loop.trigger();
  }

  const sources = { engine, now, pods: () => pods.values(), own: (uid: string) => cache.byPod().get(uid) ?? [] };
  const answering = streams(client, sources, log, signal);
  function onPush(message: PushMessage): void {
    switch (message.type) {
      case 'hint':
        if (!assignment || message.revision > assignment.revision) poll.now();
        return;
      case 'stream':
        counted.count('terrane_agent_log_streams_total');
        return answering.answer(message.id, message.request);
      case 'cancel':
        return answering.cancel(message.id);
    }
  }
  const push = pushChannel({ client, log, random, signal, onMessage: onPush, onConnected: () => poll.now() });

  const facts = (): AgentFacts => {
    const engineState = engineWatch.state();
    return {
      node: identity.nodeName,
      engineProblem: engineState.up ? undefined : engineState.message,
      controlPlane: reachable,
      pushConnected: push.connected(),
      revision: assignment?.revision ?? 0,
      pods: pods.size,
      containers: [...cache.all()].length,
      stateProblem: state.problem(),
    };
  };
  const health = await startHealthServer({
    port: options.healthPort,
    log,
    health: () => healthOf(facts()),
    metrics: () => counted.text(gaugesOf(facts())),
  });

  const timers = [setInterval(() => void measure(), MEASURE_MS), setInterval(() => void collectImages(), IMAGE_COLLECT_MS)];
  async function collectImages(): Promise<void> {
    const engineState = engineWatch.state();
    if (!engineState.up) return;
    const used = [...pods.values()].flatMap(({ pod }) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers]);
    try {
      await images.collect(engineState.info.DockerRootDir, new Set(used.map(({ image }) => image)));
    } catch (error) {
      log.warn('images could not be cleaned up', { reason: messageOf(error) });
    }
  }
  await measure();

  await aborted(signal);
  for (const timer of timers) clearInterval(timer);
  loop.close();
  poll.close();
  report.close();
  probes.close();
  health.close();
  await engineWatch.done;
  await state.close();
  engine.close();
  client.close();
  log.info('agent stopped; its containers run on');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
