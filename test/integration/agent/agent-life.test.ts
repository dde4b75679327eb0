import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { BUSYBOX } from '../../support/images.ts';
import { type AgentBundle, type AgentProcess, bundleAgent, spawnAgent } from './agent-process.ts';
import { deleted, podOf } from './fake-control-plane.ts';
import { LABEL, useHarness } from './harness.ts';
import { agentData, startAgent } from './run-agent.ts';

jest.setTimeout(180_000);
const host = useHarness();

const sleeping = (name: string) => podOf(name, { containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '1000'] }] });

describe('an agent that is killed', () => {
  let bundle: AgentBundle;
  let agents: AgentProcess[] = [];

  beforeAll(async () => {
    bundle = await bundleAgent();
  });
  afterAll(() => bundle.remove());
  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.kill('SIGKILL')));
    agents = [];
  });
  const start = (data: string) => {
    const agent = spawnAgent({ bundle, server: host.plane.url, token: host.plane.token, docker: host.dockerd.socket, data });
    agents.push(agent);
    return agent;
  };

  test('leaves its containers running, and the next one takes them over as they are', async () => {
    await host.agent.stop();
    const first = start(host.data);
    // Its readiness is known from before, too: it is not lost while the next probe is waited for.
    const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 600, initialDelaySeconds: 1 };
    const probed = podOf('a', { containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '1000'], readinessProbe }] });
    const pods = [probed, sleeping('b')];
    host.plane.assign({ pods });
    await Promise.all([host.ready('a'), host.ready('b')]);
    const before = ['a', 'b'].map((name) => host.id(name));
    const memory = () => readFileSync(join(host.data, 'memory.json'), 'utf8');
    await eventually('it is on disk that a is ready', () =>
      expect(memory()).toContain(`{"id":"${before[0]}","started":true,"ready":true}`),
    );
    await first.kill('SIGKILL');
    for (const id of before) expect((await host.engine.inspectContainer(id)).State.Running).toBe(true);

    // While no agent looks: one container is killed, one pod is deleted, one is new.
    await host.engine.killContainer(before[1]!);
    host.plane.assign({ pods: [...pods, sleeping('c')] });
    const reports = host.plane.reports.length;
    start(host.data);
    await host.plane.until('reports again', () => host.plane.reports.length > reports);
    await Promise.all([host.ready('a'), host.ready('c')]);
    await host.plane.until('b restarted', () => host.container('b')?.restartCount === 1 && host.container('b')?.ready);
    const since = host.plane.reports.slice(reports).flatMap((report) => report.pods.filter((pod) => pod.name === 'a'));
    const states = since.map(({ status }) => `${status.phase} ${status.containerStatuses?.[0]?.ready}`);
    expect(new Set(states)).toEqual(new Set(['Running true']));
    expect(host.id('a')).toBe(before[0]);
    expect(host.container('a')?.restartCount).toBe(0);
    expect(host.plane.joins).toHaveLength(1);
  });

  test('works on without the control plane: it keeps its last assignment running from disk', async () => {
    await host.agent.stop();
    const first = start(host.data);
    host.plane.assign({ pods: [sleeping('a'), sleeping('b')] });
    await Promise.all([host.ready('a'), host.ready('b')]);
    const [a, b] = ['a', 'b'].map((name) => host.id(name));
    await host.plane.stop();
    await first.kill('SIGKILL');
    // As after a reboot: nothing runs any more.
    await Promise.all([a!, b!].map((id) => host.engine.killContainer(id)));
    const second = start(host.data);
    const ps = () => execFileSync('docker', ['-H', `unix://${host.dockerd.socket}`, 'ps', '-q'], { encoding: 'utf8' });
    await eventually('both run again', () => expect(ps().trim().split('\n')).toHaveLength(2), { timeoutMs: 60_000 });
    await eventually('it has said so', () =>
      expect(second.log()).toMatch(
        /no assignment from the control plane .* Containers go on as last assigned; trying again in \d+ s/,
      ),
    );

    await host.plane.start();
    await host.plane.until('both known again', () =>
      ['a', 'b'].every((name) => host.container(name)?.restartCount === 1 && host.container(name)?.ready),
    );
    await second.kill('SIGTERM');
  });
});

describe('an agent', () => {
  test('keeps its key for itself and the token for nobody', async () => {
    host.plane.assign({ pods: [sleeping('a')] });
    await host.ready('a');
    expect(statSync(host.data).mode & 0o777).toBe(0o700);
    for (const file of ['host.key', 'identity.json', 'assignment.json', 'memory.json']) {
      expect(statSync(join(host.data, file)).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(host.data, file), 'utf8')).not.toContain(host.plane.token);
    }
  });

  test("leaves containers that are not its own alone, and another agent's on the same engine", async () => {
    const create = (name: string, Labels: Record<string, string>) =>
      host.engine.createContainer(name, { Image: BUSYBOX, Cmd: ['sleep', '1000'], Labels, HostConfig: {} });
    const foreign = await create('foreign', {});
    const other = await create('others', {
      'terrane.dev/owner': 'cluster-1/host-2',
      'terrane.dev/pod-uid': 'x',
      'terrane.dev/container': 'main',
      'terrane.dev/container-kind': 'main',
      'terrane.dev/attempt': '0',
    });
    for (const { Id } of [foreign, other]) await host.engine.startContainer(Id);
    const pod = sleeping('a');
    host.plane.assign({ pods: [pod] });
    await host.ready('a');
    host.plane.assign({ pods: [deleted(pod, 0)] });
    await host.gone('a');
    for (const { Id } of [foreign, other]) expect((await host.engine.inspectContainer(Id)).State.Running).toBe(true);
    await host.engine.removeContainer(foreign.Id, true);
  });

  test('learns the time when its clock is wrong, without touching it', async () => {
    await host.agent.stop();
    host.plane.skewMs = 7_200_000;
    const agent = host.startAgent();
    host.plane.assign({ pods: [sleeping('a')] });
    const { startTime } = await host.ready('a');
    expect(agent.log()).toContain("this host's clock differs from the control plane's");
    expect(Math.abs(Date.parse(startTime!) - Date.now() - 7_200_000)).toBeLessThan(120_000);
    await host.plane.until('push connection', () => host.plane.connected > 0);
  });

  test('without an engine says so, and works when one comes', async () => {
    await host.agent.stop();
    const data = await agentData();
    const socket = join(host.dockerd.dir, 'late.sock');
    const agent = startAgent(host.plane, socket, data.path);
    const ready = () => host.plane.reports.at(-1)?.node.conditions?.find(({ type }) => type === 'Ready');
    const reports = host.plane.reports.length;
    await host.plane.until('NotReady', () => host.plane.reports.length > reports && ready()?.status === 'False');
    expect(ready()).toMatchObject({ reason: 'DockerUnavailable' });
    expect(ready()?.message).toContain(`no Docker engine: ${socket} does not exist`);
    execFileSync('ln', ['-s', host.dockerd.socket, socket]);
    await host.plane.until('Ready', () => ready()?.status === 'True');
    await agent.stop();
    await data.remove();
  });

  test('outlives its engine: the node is NotReady, then all runs again', async () => {
    host.plane.assign({ pods: [sleeping('a')] });
    await host.ready('a');
    const condition = () => host.plane.reports.at(-1)?.node.conditions?.find(({ type }) => type === 'Ready')?.status;
    await host.dockerd.halt();
    await host.plane.until('NotReady', () => condition() === 'False');
    await host.dockerd.restart();
    await host.plane.until('Ready', () => condition() === 'True');
    await host.plane.until('restarted', () => (host.container('a')?.restartCount ?? 0) > 0 && host.container('a')?.ready);
  });

  test('whose node was removed stops its containers', async () => {
    host.plane.assign({ pods: [sleeping('a')] });
    await host.ready('a');
    const id = host.id('a');
    host.plane.refuse = { status: 401, code: 'host_revoked', message: 'The node was removed and its key revoked.' };
    host.plane.assign({});
    const exists = async () => (await host.engine.listContainers(LABEL)).some(({ Id }) => Id === id);
    await eventually('its container is gone', async () => expect(await exists()).toBe(false), { timeoutMs: 60_000 });
    expect(host.agent.log()).toContain('this node was removed from its cluster');
  });

  test('with a full disk goes on, and says that its state is not written', async () => {
    await host.agent.stop();
    const data = await agentData();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'full', data.path]);
    const agent = startAgent(host.plane, host.dockerd.socket, data.path);
    const condition = () => host.plane.reports.at(-1)?.node.conditions?.find(({ type }) => type === 'DiskPressure');
    const reports = host.plane.reports.length;
    await host.plane.until('a report', () => host.plane.reports.length > reports + 1 || condition());
    const blocker = join(data.path, 'blocker');
    try {
      writeFileSync(blocker, Buffer.alloc(1024 * 1024));
    } catch {
      // It is full now, as intended.
    }
    host.plane.assign({ pods: [sleeping('a')] });
    await host.plane.until('said', () => condition()?.reason === 'StateNotWritten');
    expect(condition()?.message).toContain('ENOSPC');
    writeFileSync(blocker, '');
    await host.ready('a');
    await host.plane.until('over', () => condition()?.reason !== 'StateNotWritten', 90_000);
    await agent.stop();
    await data.remove();
  });

  test('that is refused ends and says what to do', async () => {
    const data = await agentData();
    const agent = startAgent({ url: host.plane.url, token: 'trn_join_wrong' }, host.dockerd.socket, data.path);
    const error = await agent.ended;
    expect(error?.message).toBe('the control plane refused this host: The token is not known here.');
    expect(readdirSync(data.path)).not.toContain('identity.json');
    await data.remove();
  });

  test('that can not reach its control plane tries again, and says when', async () => {
    const data = await agentData();
    const closed = await import('node:net').then(
      ({ createServer }) =>
        new Promise<number>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address() as { port: number };
            server.close(() => resolve(port));
          });
        }),
    );
    const agent = startAgent({ url: `http://127.0.0.1:${closed}`, token: 'x' }, host.dockerd.socket, data.path);
    await eventually('it says so', () => expect(agent.log()).toContain('Trying again'));
    expect(agent.log()).toMatch(
      /the control plane http:\/\/127\.0\.0\.1:\d+ can't be reached: .*ECONNREFUSED.*\. Trying again in \d+ s/,
    );
    await agent.stop();
    await data.remove();
  });

  test('refuses a data directory that another one uses', async () => {
    await eventually('the first one has it', () => expect(host.agent.log()).toContain('agent started'));
    const second = startAgent(host.plane, host.dockerd.socket, host.data);
    expect((await second.ended)?.message).toMatch(/another agent \(process \d+\) runs on/);
  });

  test('says how it is on loopback', async () => {
    host.plane.assign({ pods: [sleeping('a')] });
    await host.ready('a');
    const url = /url=(\S+)\/healthz/.exec(host.agent.log())?.[1];
    const health = (await (await fetch(`${url}/healthz`)).json()) as Record<string, unknown>;
    expect(health).toMatchObject({ ok: true, node: 'node-1', engine: 'up', controlPlane: 'reachable', pods: 1 });
    // The step is counted when it is over, of which the engine has told before.
    await eventually('the start is counted', async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/^terrane_agent_container_starts_total 1$/m);
      expect(metrics).toMatch(/^terrane_agent_engine_up 1$/m);
    });
  });
});
