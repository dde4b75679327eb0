import os from 'node:os';
import type { Assignment } from '../core/node/assignment.ts';
import { SYSTEMD_LABEL } from '../core/node/systemd-label.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { ServerTime } from './clock-offset.ts';
import type { ListenAddress } from './etcd/listen.ts';
import { clusterToAsk, namesToServe } from './dns/names-to-serve.ts';
import { startDns } from './dns/start-dns.ts';
import { messageOf } from './docker/errors.ts';
import { eventLog } from './event-log.ts';
import { guardPath } from './fencing/fence-guard.ts';
import { readFencedWork } from './fencing/guard-file.ts';
import { FENCE_DIRECTORY, hostFenceGuard } from './fencing/host-fence-guard.ts';
import { writeAtomic } from './files/atomic-file.ts';
import { type AgentFacts, gaugesOf, healthOf } from './health/agent-health.ts';
import { startHealthServer } from './health/health-server.ts';
import { metrics } from './health/metrics.ts';
import { hostNetworking } from './host-networking.ts';
import type { Identity } from './identity/identity.ts';
import { startKv } from './kv/start-kv.ts';
import { hostInfo, nodeLabels } from './node/host-info.ts';
import { nodeReporter } from './node/node-reporter.ts';
import type { AgentOptions } from './options.ts';
import { buildReport } from './report.ts';
import { knownContainers } from './systemd/known-containers.ts';
import { startUnits } from './systemd/start-units.ts';
import { type UnitContainers, unitContainers } from './systemd/unit-containers.ts';
import { ownInstallation } from './upgrade/installation.ts';
import { agentUpgrade } from './upgrade/upgrade.ts';
import { openState } from './state-store.ts';
import type { BytesClient, SignedClient } from './uplink/signed-client.ts';
import { startUpdates } from './updates/start-updates.ts';
import { startUplink } from './uplink/uplink.ts';
import type { Layout } from './volumes/layout.ts';
import { openWorkload } from './workload.ts';

export interface HostOptions {
  readonly options: AgentOptions;
  /** Where etcd is served; nowhere, if there is none. */
  readonly etcdListen: readonly ListenAddress[];
  readonly identity: Identity;
  readonly layout: Layout;
  readonly client: SignedClient & BytesClient;
  readonly time: ServerTime;
  readonly log: Logger;
  readonly version: string;
  readonly now: () => number;
  /** [0, 1), for jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Ends this agent in good order; whoever started it starts the one that is installed by then. */
  readonly restart: () => void;
}

/** The machine's, ms. */
const uptime = () => os.uptime() * 1000;
const KV_CACHE_MB = 64;
/** The first report waits no longer for the network to be looked at. */
const NETWORK_WAIT_MS = 15_000;
/** And for a systemd that hangs: what isn't said of a unit is not changed, but who reports nothing loses its lease, and is given up. */
const SYSTEMD_WAIT_MS = 5_000;
const MEASURE_MS = 30_000;
const IMAGE_COLLECT_MS = 300_000;

/**
 * A host that has joined: its workload and its uplink wired together. What is assigned comes from disk first, so that a host
 * that is cut off goes on. Runs until `signal`.
 */
export async function runHost({
  options,
  etcdListen,
  identity,
  layout,
  client,
  time,
  log,
  version,
  now,
  random,
  signal,
  restart,
}: HostOptions): Promise<void> {
  const { nodeName } = identity;
  const startedAt = uptime();
  const info = hostInfo();
  const counted = metrics();
  const state = await openState({ layout, log, onProblem: () => uplink.check(true) });
  const events = eventLog({ serverTime: time.now, log, onAdd: () => uplink.check(false) });
  const node = nodeReporter({
    info,
    nodeName,
    version,
    now,
    server: client.server,
    dataDirectory: layout.data,
    engine: () => workload.engineState(),
    stateProblem: state.problem,
    network: () => network.verdicts(),
    updates: () => updates.verdicts(),
    time: time.text,
  });
  let addressKnown = () => {};
  const ready = new Promise<void>((resolve) => {
    addressKnown = resolve;
  });
  const measure = async () => {
    const before = node.address();
    await node.measure();
    addressKnown();
    if (node.address() !== before) network.trigger();
    uplink.check(true);
  };
  // Before the workload: between that and the uplink, which it tells of changes, nothing may be waited for.
  let pushConnected = () => false;
  const kv = await startKv({
    client,
    identity,
    dataDirectory: layout.data,
    listen: etcdListen,
    prefixes: options.kvPrefix ?? [],
    cacheBytes: (options.kvCacheMb ?? KV_CACHE_MB) * 1_000_000,
    log,
    now,
    random,
    signal,
    pushConnected: () => pushConnected(),
  });
  const dns = await startDns({ kv: kv.service, log, elapsed: () => performance.now(), signal });
  const installation = ownInstallation(process.argv[1]);
  const upgrade = installation && agentUpgrade({ installation, now });
  let lookAfterUnits = () => {};
  let unitsContainers: UnitContainers | undefined;
  const owner = `${identity.cluster}/${identity.hostId}`;
  const guard = hostFenceGuard({
    owner,
    bootId: info.bootId,
    uptime,
    log,
    leaseFile: layout.lease,
    lease: () => workload.lease,
    units: () => (units ? units.fenced() : []),
    containers: [() => workload.fencedContainers(), () => (units ? unitsContainers?.ids() : [])],
  });
  const units = await startUnits({
    owner,
    assignment: () => workload.assignment(),
    lease: () => workload.lease,
    guard,
    log,
    events,
    now,
    time: time.text,
    onChange() {
      unitsContainers?.look();
      uplink.check(true);
    },
  });
  const updates = await startUpdates({
    client,
    dataDirectory: layout.data,
    version,
    architecture: info.architecture,
    bootId: info.bootId,
    uptime,
    now,
    random,
    log,
    events,
    signal,
    host: {
      connected: () => uplink.reachable() === true,
      engineProblem() {
        const engine = workload.engineState();
        return engine.up ? undefined : engine.message;
      },
    },
    restart,
    onChange: () => uplink.check(true),
  });
  const workload = await openWorkload({
    info,
    layout,
    state,
    events,
    log,
    now,
    uptime,
    signal,
    docker: options.docker,
    owner,
    host: () => ({ nodeName, hostIp: node.address() }),
    names: () => ({ ...dns.hostConf(), cluster: clusterToAsk(workload.assignment(), network.inUse()) }),
    podNetwork: () => network.podNetwork(),
    onChange: (settled) => uplink.check(settled),
    onEngineConnected() {
      void measure();
      network.trigger();
    },
    onLease: () => lookAfterUnits(),
    guard: () => guard,
    onStep(type, ok) {
      counted.count('terrane_agent_steps_total', { step: type, result: ok ? 'ok' : 'error' });
      // A pod has an address, or no longer; the first one of a network brings its bridge.
      if (ok) services.check();
      if (type === 'startContainer' && ok) counted.count('terrane_agent_container_starts_total');
    },
  });
  const guardFile = guardPath(FENCE_DIRECTORY, owner);
  unitsContainers =
    units &&
    unitContainers({
      engine: workload.engine,
      fenced: () => units.fenced(),
      before: readFencedWork(guardFile, info.bootId).containers,
      known: knownContainers(`${guardFile}.containers`),
      log,
      events,
      signal,
      onChange() {
        guard.tell();
        uplink.check(true);
      },
    });
  const serveNames = () => {
    const assignment = workload.assignment();
    dns.serve(assignment && namesToServe(assignment));
  };
  serveNames();
  const { network, services, peers, doctor } = hostNetworking({
    options,
    identity,
    layout,
    time,
    log,
    now,
    signal,
    node,
    dns,
    workload,
    events,
    ready,
    onAddressLost: () => void measure(),
    onChange: () => uplink.check(true),
  });
  const uplink = startUplink({
    client,
    log,
    uptime,
    random,
    signal,
    lease: workload.lease,
    assignment: workload.assignment,
    count: (name) => counted.count(name),
    async onAssignment(next) {
      await workload.assign(options.podNetwork === 'none' ? withoutNetwork(next) : next);
      updates.assign(next.updates ?? []);
      serveNames();
      lookAfterUnits();
      services.check();
      network.trigger();
      peers.check();
    },
    onRevoked(message) {
      void writeAtomic(layout.revoked, `${message}\n`).catch(() => undefined);
      dns.serve(undefined);
      updates.assign([]);
      workload.dismiss(message);
      lookAfterUnits();
      services.dismiss();
      network.trigger();
      void kv.dismiss();
    },
    onKv: (message) => kv.onMessage(message),
    onBack() {
      kv.onReachable();
      // The control plane has answered: that is what an upgraded agent has to show.
      upgrade?.healthy().catch((error: unknown) => log.warn('the upgrade could not be confirmed', { reason: messageOf(error) }));
    },
    logSources: {
      engine: workload.engine,
      now,
      pods: () => workload.pods.values(),
      own: workload.containersOf,
      ...(units ? { units: units.streams } : {}),
      diagnose: doctor,
    },
    report() {
      const status = node.status();
      const taken = workload.taken();
      const unitReports = units?.reports();
      if (!status || taken === 'unknown') return undefined;
      // A restarted agent that said it takes no part in the network would be withdrawn by its peers for that moment.
      if (!network.known() && uptime() - startedAt < NETWORK_WAIT_MS) return undefined;
      if (unitReports === 'unknown' && uptime() - startedAt < SYSTEMD_WAIT_MS) return undefined;
      return buildReport({
        agentVersion: version,
        bootId: info.bootId,
        observedRevision: workload.observedRevision(),
        node: status,
        network: network.facts(),
        suspects: peers.suspicions(),
        labels: { ...nodeLabels(info, nodeName), [SYSTEMD_LABEL]: String(units?.usable() ?? false), ...updates.labels },
        // Of pods that no engine has been asked about yet, nothing new is known.
        pods: taken ? workload.pods.values() : [],
        observed: taken ?? new Map(),
        status: { now: now(), time: time.text, hostIp: node.address(), probed: workload.probed },
        events: events.recent(),
        units: unitReports === 'unknown' ? undefined : unitReports && (unitsContainers?.settled(unitReports) ?? unitReports),
      });
    },
  });

  pushConnected = () => uplink.pushConnected();
  lookAfterUnits = () => units?.trigger();
  lookAfterUnits();

  const facts = (): AgentFacts => {
    const engine = workload.engineState();
    return {
      node: nodeName,
      engineProblem: engine.up ? undefined : engine.message,
      controlPlane: uplink.reachable(),
      pushConnected: uplink.pushConnected(),
      revision: workload.assignment()?.revision ?? 0,
      pods: workload.pods.size,
      containers: workload.containerCount(),
      stateProblem: state.problem(),
      kv: kv.facts(),
      serviceProblems: services.problems(),
      dns: dns.facts(),
      peers: peers.answering(),
    };
  };
  const health = await startHealthServer({
    port: options.healthPort,
    log,
    health: () => healthOf(facts()),
    diagnosis: () => doctor(),
    metrics: () => counted.text(gaugesOf(facts())),
  });
  const timers = [
    setInterval(() => void measure(), MEASURE_MS),
    setInterval(() => void workload.collectImages(), IMAGE_COLLECT_MS),
  ];
  await measure();
  network.trigger();
  updates.assign(workload.assignment()?.updates ?? []);

  await aborted(signal);
  for (const timer of timers) clearInterval(timer);
  uplink.close();
  await network.close();
  health.close();
  await dns.close();
  await kv.close();
  await units?.close();
  await services.close();
  await updates.close();
  await workload.close();
  client.close();
  log.info('agent stopped; its containers and units run on');
}

/** For a host that takes no part in it: nothing on it should look for what isn't there. */
function withoutNetwork(assignment: Assignment): Assignment {
  const { network: _, ...rest } = assignment;
  return rest;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
