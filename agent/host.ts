import type { Assignment } from '../core/node/assignment.ts';
import type { PushMessage } from '../core/node/push.ts';
import type { Logger } from '../core/ports/logger.ts';
import { applyAssignment, configSource } from './assignment-state.ts';
import type { ServerTime } from './clock-offset.ts';
import { DockerConnection } from './docker/connection.ts';
import { dockerEngine } from './docker/engine.ts';
import { messageOf } from './docker/errors.ts';
import { eventLog } from './event-log.ts';
import { startHealthServer } from './health/health-server.ts';
import { metrics } from './health/metrics.ts';
import type { Identity } from './identity/identity.ts';
import { imageCollector } from './images/image-gc.ts';
import { imageStore } from './images/image-store.ts';
import { hostAddress } from './node/address.ts';
import { nodeConditions, nodeVerdicts } from './node/conditions.ts';
import { hostInfo, nodeInfoOf, nodeLabels } from './node/host-info.ts';
import { type HostUsage, hostUsage, nodeResources } from './node/resources.ts';
import type { AgentOptions } from './options.ts';
import { containerMemory } from './planner/memory.ts';
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
import { pollAssignment } from './uplink/assignment-poll.ts';
import { answerStream } from './uplink/log-stream.ts';
import { pushChannel } from './uplink/push-channel.ts';
import { reporter } from './uplink/reporter.ts';
import type { SignedClient } from './uplink/signed-client.ts';
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

const USAGE_MS = 30_000;
const IMAGE_COLLECT_MS = 300_000;
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
  const address = await hostAddress(client.server);

  const state = await openState({ layout, log, onProblem: () => report.check(true) });
  const { pods } = state;
  let assignment: Assignment | undefined = state.assignment;
  let observedRevision = 0;
  const source = configSource(() => assignment);
  if (assignment) applyAssignment(pods, assignment.pods, now());

  const engine = dockerEngine(new DockerConnection(options.docker));
  const events = eventLog(time.now, () => report.check(false));
  const cache = containerCache({
    engine,
    owner,
    terminationMessage: terminationMessage(engine, layout, (uid) => pods.get(uid)?.pod),
  });
  const probes = prober({ engine, events, now, hostIp: () => address, onChange: () => loop.trigger() });
  const images = await imageCollector({ engine, file: layout.images, now, log });
  const volumesWritten = new Map<string, string>();

  const context: StepContext = {
    engine,
    cache,
    images: imageStore(engine, images.pulled),
    volumes: podVolumes(layout, (message) => log.warn(message)),
    hooks: hookRunner(engine),
    events,
    source,
    owner,
    bootId: info.bootId,
    hostMemoryBytes: info.memoryBytes,
    architecture: process.arch,
    now,
    host: () => ({ nodeName: identity.nodeName, hostIp: address }),
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

  const loop = reconciler({
    context,
    pods,
    log,
    ready: () => engineWatch.state().up && assignment !== undefined,
    volumes: volumeVersions,
    unhealthy: () => probes.unhealthy(),
    onObserved() {
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
      report.check(true);
    },
  });

  /** A pod that isn't assigned any more and of which nothing is left is forgotten; one that is, is reported as gone. */
  function dropGone(): void {
    const assigned = new Set(assignment?.pods.map(({ metadata }) => metadata.uid));
    for (const [uid, memory] of pods) if (memory.gone && !assigned.has(uid)) pods.delete(uid);
  }

  let usage: HostUsage | undefined;
  const conditionsSince = new Map<string, { status: string; at: number }>();
  const measure = async () => {
    const engineState = engineWatch.state();
    const root = engineState.up ? [engineState.info.DockerRootDir] : [];
    usage = await hostUsage([layout.data, ...root]);
    report.check(true);
  };

  const report = reporter({
    client,
    log,
    random,
    now,
    signal,
    onRevoked,
    reportSeconds: () => assignment?.settings.reportSeconds ?? SETTINGS.reportSeconds,
    build() {
      const engineState = engineWatch.state();
      // Before the engine was asked there is nothing to say; that none answers is.
      if (!usage || (!engineState.up && engineState.asked === false)) return undefined;
      const verdicts = nodeVerdicts({ engine: engineState, usage, stateProblem: state.problem() });
      return buildReport({
        agentVersion: host.version,
        bootId: info.bootId,
        observedRevision,
        node: {
          ...nodeResources(info, usage.disks.at(-1)),
          conditions: nodeConditions(verdicts, conditionsSince, now(), time.text),
          addresses: [
            { type: 'InternalIP', address },
            { type: 'Hostname', address: identity.nodeName },
          ],
          nodeInfo: nodeInfoOf(info, engineState.up ? engineState.info : undefined, host.version),
        },
        labels: nodeLabels(info, identity.nodeName),
        pods: pods.values(),
        observed: cache.byPod(),
        status: { now: now(), time: time.text, hostIp: address, probed: (id) => probes.probed(id) },
        events: events.recent(),
      });
    },
    onSent(_at, revision) {
      counted.count('terrane_agent_reports_total');
      push.reachable();
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
    onReachable(now_) {
      const back = now_ && reachable !== true;
      reachable = now_;
      if (back) report.reachable();
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

  const streams = new Map<string, AbortController>();
  function onPush(message: PushMessage): void {
    if (message.type === 'hint') {
      if (!assignment || message.revision > assignment.revision) poll.now();
    } else if (message.type === 'cancel') streams.get(message.id)?.abort();
    else {
      const over = new AbortController();
      streams.set(message.id, over);
      counted.count('terrane_agent_log_streams_total');
      const sources = { engine, now, pods: () => pods.values(), own: (uid: string) => cache.byPod().get(uid) ?? [] };
      answerStream(client, message.id, message.request, sources, AbortSignal.any([signal, over.signal]))
        .catch((error: unknown) => {
          if (!over.signal.aborted && !signal.aborted) log.warn('a log stream broke off', { reason: messageOf(error) });
        })
        .finally(() => streams.delete(message.id));
    }
  }
  const push = pushChannel({ client, log, random, signal, onMessage: onPush, onConnected: () => poll.now() });

  const health = await startHealthServer({
    port: options.healthPort,
    log,
    health() {
      const engineState = engineWatch.state();
      const problem = state.problem();
      return {
        problems: problem === undefined ? [] : [`state can't be written: ${problem}`],
        facts: {
          node: identity.nodeName,
          engine: engineState.up ? 'up' : engineState.message,
          controlPlane: reachable === undefined ? 'not asked yet' : reachable ? 'reachable' : 'unreachable',
          revision: assignment?.revision ?? 0,
          pods: pods.size,
        },
      };
    },
    metrics: () =>
      counted.text({
        terrane_agent_engine_up: { help: '1 if a Docker engine answers.', value: engineWatch.state().up ? 1 : 0 },
        terrane_agent_control_plane_up: { help: '1 if the control plane answered last.', value: reachable ? 1 : 0 },
        terrane_agent_push_connected: { help: '1 if the push connection is open.', value: push.connected() ? 1 : 0 },
        terrane_agent_pods: { help: 'Pods on this host.', value: pods.size },
        terrane_agent_containers: { help: 'Containers of this agent.', value: [...cache.all()].length },
        terrane_agent_assignment_revision: { help: 'Revision of the assignment in force.', value: assignment?.revision ?? 0 },
        process_resident_memory_bytes: { help: 'Resident memory size in bytes.', value: process.memoryUsage.rss() },
        process_cpu_seconds_total: { help: 'User and system CPU time spent in seconds.', value: cpuSeconds() },
      }),
  });

  const timers = [
    setInterval(() => void measure(), USAGE_MS),
    setInterval(() => {
      const engineState = engineWatch.state();
      if (!engineState.up) return;
      const used = [...pods.values()].flatMap(({ pod }) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers]);
      images.collect(engineState.info.DockerRootDir, new Set(used.map(({ image }) => image))).catch((error: unknown) => {
        log.warn('images could not be cleaned up', { reason: messageOf(error) });
      });
    }, IMAGE_COLLECT_MS),
  ];
  await sweepPods(layout, new Set(pods.keys())).catch((error: unknown) =>
    log.warn('old pod data was not removed', { reason: messageOf(error) }),
  );
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

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
