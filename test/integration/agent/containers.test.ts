import { describe, expect, jest, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../../../core/resources/schema/pod.ts';
import { eventually } from '../../support/eventually.ts';
import { BUSYBOX } from '../../support/images.ts';
import { deleted, podOf } from './fake-control-plane.ts';
import { LABEL, useHarness } from './harness.ts';

jest.setTimeout(120_000);
const host = useHarness();

const sleeper: Container = { name: 'main', image: BUSYBOX, command: ['sleep', '1000'] };
const shell = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', script],
  ...more,
});

describe('a container', () => {
  test('is started when its pod is assigned, reported, and removed when the pod is deleted', async () => {
    const pod = podOf('web', { containers: [sleeper] });
    host.plane.assign({ pods: [pod] });
    const status = await host.ready('web');
    expect(status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort' });
    expect(status.podIP).toMatch(/^10\.213\./);
    expect((await host.engine.inspectContainer(host.id('web'))).State.Running).toBe(true);

    host.plane.assign({ pods: [deleted(pod, 1)] });
    await host.gone('web');
    expect(await host.engine.listContainers(LABEL)).toEqual([]);
    expect(readdirSync(join(host.data, 'pods'))).toEqual([]);
  });

  test('that is killed comes back, with its restart counted and how it ended', async () => {
    host.plane.assign({ pods: [podOf('web', { containers: [sleeper] })] });
    await host.ready('web');
    const first = host.id('web');
    await host.engine.killContainer(first);
    const again = await host.plane.until('running again', () => {
      const container = host.container('web');
      return container?.state.running && container.restartCount === 1 ? container : undefined;
    });
    expect(again.lastState.terminated).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });
    expect(host.id('web')).not.toBe(first);
  });

  test('that somebody removes comes back', async () => {
    host.plane.assign({ pods: [podOf('web', { containers: [sleeper] })] });
    await host.ready('web');
    const first = host.id('web');
    await host.engine.removeContainer(first, true);
    await host.plane.until('running again', () => host.container('web')?.state.running && host.id('web') !== first);
  });

  test('that keeps failing waits longer and longer, and says so', async () => {
    host.plane.assign({ pods: [podOf('bad', { containers: [shell('echo why >/dev/termination-log; exit 3')] })] });
    const waiting = await host.plane.until('back-off', () => {
      const container = host.container('bad');
      return container?.state.waiting?.reason === 'CrashLoopBackOff' ? container : undefined;
    });
    expect(waiting.restartCount).toBe(1);
    expect(waiting.state.waiting?.message).toContain('back-off 10s restarting failed container=main');
    expect(waiting.lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'why\n' });
  });

  test('with policy Never runs once: succeeded or failed by its exit code', async () => {
    host.plane.assign({
      pods: [
        podOf('good', { restartPolicy: 'Never', containers: [shell('exit 0')] }),
        podOf('bad', { restartPolicy: 'Never', containers: [shell('exit 4')] }),
      ],
    });
    await host.plane.until('succeeded', () => host.status('good')?.phase === 'Succeeded');
    await host.plane.until('failed', () => host.status('bad')?.phase === 'Failed');
    expect(host.container('good')?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(host.container('bad')).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 4 } } });
  });

  test("whose command does not exist says so, in the engine's words", async () => {
    host.plane.assign({ pods: [podOf('bad', { containers: [{ ...sleeper, command: ['/no/such/command'] }] })] });
    const container = await host.plane.until('start error', () => {
      const one = host.container('bad');
      return one?.lastState.terminated?.reason === 'StartError' || one?.state.terminated?.reason === 'StartError'
        ? one
        : undefined;
    });
    expect((container.state.terminated ?? container.lastState.terminated)?.message).toContain('no such file or directory');
    expect(await host.event('Failed')).toContain('/no/such/command');
  });

  test("over its memory limit is reported as OOMKilled; limits are the kernel's", async () => {
    const resources = { limits: { memory: '32Mi', cpu: '500m', pids: '50' }, requests: { cpu: '250m' } };
    const eater = shell('x=$(yes | head -c 200000000 | tail -c 150000000); echo done', { resources });
    host.plane.assign({ pods: [podOf('eater', { restartPolicy: 'Never', containers: [eater] })] });
    await host.plane.until('killed', () => host.container('eater')?.state.terminated?.reason === 'OOMKilled');

    host.plane.assign({ pods: [podOf('bounded', { containers: [{ ...sleeper, resources }] })] });
    await host.ready('bounded');
    const read = (path: string) => host.exec('bounded', ['cat', `/sys/fs/cgroup/${path}`]);
    expect(await read('memory/memory.limit_in_bytes')).toBe(String(32 * 1024 * 1024));
    expect(await read('cpu/cpu.cfs_quota_us')).toBe('50000');
    expect(await read('cpu/cpu.shares')).toBe('256');
    expect(await read('pids/pids.max')).toBe('50');
    expect(host.status('bounded')?.qosClass).toBe('Burstable');
  });

  test('gets what its spec says: command, arguments, directory, variables, user, host name', async () => {
    const spec = shell('true', {
      command: ['sh', '-c', 'echo "$0 $A $B $NODE $POD $(pwd) $(id -u):$(id -g) $(hostname)"; sleep 1000', '$(GREETING)'],
      workingDir: '/tmp',
      env: [
        { name: 'GREETING', value: 'hello' },
        { name: 'A', value: '$(GREETING)-there' },
        { name: 'B', value: '$$(GREETING)' },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      securityContext: { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
    host.plane.assign({ pods: [podOf('env', { hostname: 'my-host', containers: [spec] })] });
    await host.ready('env');
    await eventually('it says what it got', async () => {
      const { body } = await host.plane.logs({ namespace: 'default', pod: 'env' });
      expect(body).toBe('hello hello-there $(GREETING) node-1 env /tmp 1000:2000 my-host\n');
    });
    expect(await host.exec('env', ['sh', '-c', 'touch /x 2>&1; grep CapEff /proc/self/status'])).toMatch(
      /Read-only file system\nCapEff:\s+0000000000000000/,
    );
  });

  test('that outlives the deadline of its pod is stopped, and the pod has failed', async () => {
    host.plane.assign({ pods: [podOf('late', { activeDeadlineSeconds: 2, containers: [sleeper] })] });
    await host.plane.until('failed', () => host.status('late')?.phase === 'Failed');
    expect(host.status('late')).toMatchObject({ reason: 'DeadlineExceeded' });
    await host.plane.until('stopped', () => host.container('late')?.state.terminated !== undefined);
  });
});

describe('stopping', () => {
  test('runs preStop, then the stop signal, within the grace period', async () => {
    const script = 'trap "echo term >> /out/log; exit 0" TERM; while true; do sleep 0.1; done';
    const container = shell(script, {
      volumeMounts: [{ name: 'out', mountPath: '/out' }],
      lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo prestop >> /out/log'] } } },
    });
    const volumes = [{ name: 'out', hostPath: { path: join(host.dockerd.dir, 'out'), type: 'DirectoryOrCreate' as const } }];
    const pod = podOf('graceful', { terminationGracePeriodSeconds: 20, containers: [container], volumes });
    host.plane.assign({ pods: [pod] });
    await host.ready('graceful');
    host.plane.assign({ pods: [deleted(pod)] });
    const last = await host.gone('graceful');
    expect(readFileSync(join(host.dockerd.dir, 'out', 'log'), 'utf8')).toBe('prestop\nterm\n');
    expect(last.status.containerStatuses?.[0]?.state.terminated?.exitCode).toBe(0);
  });

  test('a container that ignores its signal is killed when the time is over; a second delete shortens it', async () => {
    const pod = podOf('stubborn', { terminationGracePeriodSeconds: 600, containers: [shell('trap "" TERM; sleep 1000')] });
    host.plane.assign({ pods: [pod] });
    await host.ready('stubborn');
    host.plane.assign({ pods: [deleted(pod)] });
    await host.event('Killing');
    host.plane.assign({ pods: [deleted(pod, 0)] });
    const last = await host.gone('stubborn');
    expect(last.status.containerStatuses?.[0]?.state.terminated?.exitCode).toBe(137);
  });
});

describe('images', () => {
  test('one that does not exist is said, with the reason', async () => {
    const image = 'registry.invalid/no/such:1';
    host.plane.assign({ pods: [podOf('web', { containers: [{ ...sleeper, image }] })] });
    const waiting = await host.plane.until('pull error', () => {
      const state = host.container('web')?.state.waiting;
      return state?.reason === 'ErrImagePull' ? state : undefined;
    });
    expect(waiting.message).toMatch(/Failed to pull image "registry.invalid\/no\/such:1": .*registry\.invalid/);
    expect(host.status('web')?.phase).toBe('Pending');
  });

  test('with Never none is pulled', async () => {
    host.plane.assign({ pods: [podOf('web', { containers: [{ ...sleeper, image: 'absent:1', imagePullPolicy: 'Never' }] })] });
    await host.plane.until('refused', () => host.container('web')?.state.waiting?.reason === 'ErrImageNeverPull');
  });

  test('a pod that is deleted while its image is pulled is gone', async () => {
    const pod = podOf('web', { containers: [{ ...sleeper, image: 'registry.invalid/no/such:2' }] });
    host.plane.assign({ pods: [pod] });
    await host.event('Pulling');
    host.plane.assign({ pods: [deleted(pod)] });
    await host.gone('web');
  });
});
