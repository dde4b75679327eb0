import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { DockerConnection } from '../../../agent/docker/connection.ts';
import { dockerEngine, type Engine } from '../../../agent/docker/engine.ts';
import type { AgentOptions } from '../../../agent/main.ts';
import type { PodReport } from '../../../core/node/report.ts';
import type { ContainerStatus, PodStatus } from '../../../core/resources/schema/pod.ts';
import { type Dockerd, startDockerd } from '../../support/dockerd.ts';
import { importBusybox } from '../../support/images.ts';
import { type FakeControlPlane, fakeControlPlane } from './fake-control-plane.ts';
import { agentData, startAgent, type TestAgent } from './run-agent.ts';

/** One engine for a file of tests; for each test a control plane, a data directory and an agent of its own. */
export interface Harness {
  readonly dockerd: Dockerd;
  readonly engine: Engine;
  readonly plane: FakeControlPlane;
  readonly data: string;
  agent: TestAgent;
  /** Another agent on the same data directory. */
  startAgent(more?: Partial<AgentOptions> & { now?: () => number }): TestAgent;
  status(pod: string): PodStatus | undefined;
  container(pod: string, name?: string): ContainerStatus | undefined;
  /** Resolves with the status once the pod runs and is ready. */
  ready(pod: string): Promise<PodStatus>;
  gone(pod: string): Promise<PodReport>;
  /** Engine id of a pod's container as last reported. */
  id(pod: string, name?: string): string;
  exec(pod: string, command: readonly string[], name?: string): Promise<string>;
  event(reason: string): Promise<string>;
}

export const LABEL = 'terrane.dev/pod-uid';

export function useHarness(): Harness {
  let dockerd: Dockerd;
  let engine: Engine;
  let plane: FakeControlPlane;
  let data: Awaited<ReturnType<typeof agentData>>;
  let agent: TestAgent;

  beforeAll(async () => {
    dockerd = await startDockerd();
    await importBusybox(dockerd.socket);
    engine = dockerEngine(new DockerConnection(dockerd.socket));
  }, 120_000);
  afterAll(async () => {
    engine?.close();
    await dockerd?.stop();
  }, 60_000);
  beforeEach(async () => {
    plane = await fakeControlPlane();
    data = await agentData();
    agent = startAgent(plane, dockerd.socket, data.path);
  });
  afterEach(async () => {
    await agent.stop();
    await plane.stop();
    for (const { Id } of await engine.listContainers(LABEL)) await engine.removeContainer(Id, true).catch(() => undefined);
    await data.remove();
  }, 60_000);

  const harness: Harness = {
    get dockerd() {
      return dockerd;
    },
    get engine() {
      return engine;
    },
    get plane() {
      return plane;
    },
    get data() {
      return data.path;
    },
    get agent() {
      return agent;
    },
    set agent(next) {
      agent = next;
    },
    startAgent(more = {}) {
      agent = startAgent(plane, dockerd.socket, data.path, more);
      return agent;
    },
    status: (pod) => plane.pod(pod)?.status,
    container: (pod, name) =>
      [...(harness.status(pod)?.containerStatuses ?? []), ...(harness.status(pod)?.initContainerStatuses ?? [])].find(
        (one) => name === undefined || one.name === name,
      ),
    ready: (pod) =>
      plane.until(`${pod} is ready`, () => {
        const status = harness.status(pod);
        return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ? status : undefined;
      }),
    gone: (pod) => plane.until(`${pod} is gone`, () => (plane.pod(pod)?.gone ? plane.pod(pod) : undefined)),
    id: (pod, name) => (harness.container(pod, name)?.containerID ?? '').replace('docker://', ''),
    exec: async (pod, command, name) => (await engine.exec(harness.id(pod, name), command)).output.trim(),
    event: (reason) =>
      plane.until(`event ${reason}`, () => {
        const all = plane.reports.flatMap(({ events }) => events);
        return all.find((event) => event.reason === reason)?.message;
      }),
  };
  return harness;
}
