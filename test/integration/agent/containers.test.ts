import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { DockerConnection } from '../../../agent/docker/connection.ts';
import { dockerEngine, type Engine } from '../../../agent/docker/engine.ts';
import { type Dockerd, startDockerd } from '../../support/dockerd.ts';
import { BUSYBOX, importBusybox } from '../../support/images.ts';
import { type FakeControlPlane, deleted, fakeControlPlane, podOf } from './fake-control-plane.ts';
import { agentData, startAgent, type TestAgent } from './run-agent.ts';

jest.setTimeout(120_000);

let dockerd: Dockerd;
let engine: Engine;
let plane: FakeControlPlane;
let agent: TestAgent;
let data: Awaited<ReturnType<typeof agentData>>;

beforeAll(async () => {
  dockerd = await startDockerd();
  await importBusybox(dockerd.socket);
  engine = dockerEngine(new DockerConnection(dockerd.socket));
});
afterAll(async () => {
  engine?.close();
  await dockerd?.stop();
});
beforeEach(async () => {
  plane = await fakeControlPlane();
  data = await agentData();
  agent = startAgent(plane, dockerd.socket, data.path);
});
afterEach(async () => {
  plane.assign({ pods: [] });
  await plane.until('everything is stopped', () => plane.reports.at(-1)?.pods.length === 0);
  await agent.stop();
  await plane.stop();
  await data.remove();
});

const sleeper = { name: 'main', image: BUSYBOX, command: ['sleep', '1000'] };
const running = (name: string) => () => {
  const status = plane.pod(name)?.status;
  return status?.phase === 'Running' && status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True' ? status : undefined;
};

describe('a container', () => {
  test('is started when its pod is assigned, reported, and removed when the pod is deleted', async () => {
    const pod = podOf('web', { containers: [sleeper] });
    plane.assign({ pods: [pod] });
    const status = await plane.until('running', running('web'));
    expect(status.podIP).toMatch(/^10\.213\./);
    expect(status.qosClass).toBe('BestEffort');
    const id = status.containerStatuses![0]!.containerID!.replace('docker://', '');
    expect((await engine.inspectContainer(id)).State.Running).toBe(true);

    plane.assign({ pods: [deleted(pod, 1)] });
    await plane.until('gone', () => plane.pod('web')?.gone === true);
    expect(await engine.listContainers('terrane.dev/pod-uid')).toEqual([]);
  });

  test('that is killed comes back, with its restart counted', async () => {
    plane.assign({ pods: [podOf('web', { containers: [sleeper] })] });
    const first = (await plane.until('running', running('web'))).containerStatuses![0]!;
    await engine.killContainer(first.containerID!.replace('docker://', ''));
    const again = await plane.until('running again', () => {
      const container = running('web')()?.containerStatuses?.[0];
      return container?.restartCount === 1 ? container : undefined;
    });
    expect(again.lastState.terminated).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });
    expect(again.containerID).not.toBe(first.containerID);
  });
});
