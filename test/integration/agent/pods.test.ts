import { describe, expect, jest, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../../../core/resources/schema/pod.ts';
import { freePort } from '../../support/free-port.ts';
import { eventually } from '../../support/eventually.ts';
import { BUSYBOX } from '../../support/images.ts';
import { configMapOf, deleted, podOf, secretOf } from './fake-control-plane.ts';
import { useHarness } from './harness.ts';

jest.setTimeout(120_000);
const host = useHarness();

const shell = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', script],
  ...more,
});

describe('a pod of several containers', () => {
  test('shares one network, on which they meet at localhost', async () => {
    const web = shell('mkdir /www; echo hello >/www/index.html; httpd -f -p 8080 -h /www', { name: 'web' });
    const client = shell('sleep 1000', {
      name: 'client',
      env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    });
    const pod = podOf('pair', { containers: [web, client] });
    host.plane.assign({ pods: [pod] });
    const status = await host.ready('pair');
    await eventually('they meet', async () =>
      expect(await host.exec('pair', ['wget', '-qO-', 'http://127.0.0.1:8080/'], 'client')).toBe('hello'),
    );
    expect(await host.exec('pair', ['sh', '-c', 'echo $IP $(hostname)'], 'client')).toBe(`${status.podIP} pair`);
    expect(await (await fetch(`http://${status.podIP}:8080/`)).text()).toBe('hello\n');

    // One of them crashes: the other is left alone, and the address stays.
    const before = host.id('pair', 'client');
    await host.engine.killContainer(host.id('pair', 'web'));
    await host.plane.until(
      'web is back',
      () => host.container('pair', 'web')?.restartCount === 1 && host.container('pair', 'web')?.ready,
    );
    expect(host.id('pair', 'client')).toBe(before);
    expect(host.status('pair')?.podIP).toBe(status.podIP);

    host.plane.assign({ pods: [deleted(pod, 1)] });
    await host.gone('pair');
    expect(await host.engine.listContainers('terrane.dev/pod-uid')).toEqual([]);
  });

  test('whose network is lost is made anew as a whole', async () => {
    host.plane.assign({ pods: [podOf('pair', { containers: [shell('sleep 1000'), shell('sleep 1000', { name: 'other' })] })] });
    await host.ready('pair');
    const before = host.id('pair', 'main');
    const pause = (await host.engine.listContainers('terrane.dev/container-kind=pause'))[0]!;
    await host.engine.killContainer(pause.Id);
    await host.plane.until('both run again', () => {
      const status = host.status('pair');
      const again = status?.containerStatuses?.every(({ ready, restartCount }) => ready && restartCount === 1);
      return again && host.id('pair', 'main') !== before;
    });
  });
});

describe('init containers', () => {
  test('run in order before the others, with the same volumes', async () => {
    const volumeMounts = [{ name: 'work', mountPath: '/work' }];
    const init = (name: string) => shell(`echo ${name} >> /work/order`, { name, volumeMounts });
    host.plane.assign({
      pods: [
        podOf('prepared', {
          initContainers: [init('first'), init('second')],
          containers: [shell('echo main >> /work/order; sleep 1000', { volumeMounts })],
          volumes: [{ name: 'work', emptyDir: {} }],
        }),
      ],
    });
    const status = await host.ready('prepared');
    await eventually('all have run', async () =>
      expect(await host.exec('prepared', ['cat', '/work/order'])).toBe('first\nsecond\nmain'),
    );
    expect(status.initContainerStatuses?.map(({ state }) => state.terminated?.reason)).toEqual(['Completed', 'Completed']);
    expect(status.conditions?.find(({ type }) => type === 'Initialized')?.status).toBe('True');
  });

  test('one that fails keeps the pod from starting', async () => {
    host.plane.assign({
      pods: [
        podOf('never', {
          restartPolicy: 'Never',
          initContainers: [shell('exit 1', { name: 'init' })],
          containers: [shell('sleep 1000')],
        }),
      ],
    });
    await host.plane.until('failed', () => host.status('never')?.phase === 'Failed');
    expect(host.container('never', 'main')?.state.waiting?.reason).toBe('PodInitializing');
  });
});

describe('probes', () => {
  test('readiness follows its probe both ways, by exec', async () => {
    const readinessProbe = { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 };
    host.plane.assign({ pods: [podOf('web', { containers: [shell('sleep 1000', { readinessProbe })] })] });
    await host.plane.until('running', () => host.container('web')?.state.running);
    expect(await host.event('Unhealthy')).toContain('Readiness probe failed');
    expect(host.container('web')?.ready).toBe(false);
    await host.exec('web', ['touch', '/tmp/ready']);
    await host.ready('web');
    await host.exec('web', ['rm', '/tmp/ready']);
    await host.plane.until('not ready', () => host.container('web')?.ready === false);
    expect(host.container('web')?.restartCount).toBe(0);
  });

  test('liveness restarts, by HTTP on a named port', async () => {
    const container = shell('echo ok >/tmp/health; httpd -f -p 8080 -h /tmp', {
      ports: [{ name: 'http', containerPort: 8080 }],
      livenessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1, failureThreshold: 2 },
    });
    host.plane.assign({ pods: [podOf('web', { containers: [container] })] });
    await host.ready('web');
    await eventually('it is healthy', async () => expect(await host.exec('web', ['cat', '/tmp/health'])).toBe('ok'));
    await host.exec('web', ['rm', '/tmp/health']);
    await host.plane.until('restarted', () => host.container('web')?.restartCount === 1 && host.container('web')?.ready);
    expect(await host.event('Killing')).toContain('failed liveness probe, will be restarted');
  });

  test('the others wait for the startup probe, by TCP', async () => {
    const container = shell('sleep 2; httpd -f -p 8080 -h /tmp', {
      startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    });
    host.plane.assign({ pods: [podOf('slow', { containers: [container] })] });
    await host.plane.until(
      'running, not started',
      () => host.container('slow')?.state.running && host.container('slow')?.started === false,
    );
    await host.ready('slow');
    expect(host.container('slow')).toMatchObject({ started: true, restartCount: 0 });
  });
});

describe('volumes', () => {
  test('of ConfigMaps and Secrets follow their objects, whole and at once; secrets lie in memory', async () => {
    const pod = podOf('app', {
      containers: [
        shell('sleep 1000', {
          volumeMounts: [
            { name: 'config', mountPath: '/config' },
            { name: 'secret', mountPath: '/secret' },
            { name: 'config', mountPath: '/one', subPath: 'a.conf' },
          ],
          envFrom: [{ configMapRef: { name: 'env' } }, { secretRef: { name: 'missing', optional: true } }],
          env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
        }),
      ],
      volumes: [
        {
          name: 'config',
          configMap: {
            name: 'files',
            items: [
              { key: 'a', path: 'a.conf' },
              { key: 'b', path: 'deep/b.conf', mode: 0o400 },
            ],
          },
        },
        { name: 'secret', secret: { secretName: 'db', defaultMode: 0o440 } },
      ],
    });
    const env = configMapOf('env', { COLOUR: 'blue', 'not a name': 'x' });
    const files = (a: string, version: string) => configMapOf('files', { a, b: 'bee' }, version);
    const secret = (password: string, version: string) => secretOf('db', { password }, version);
    host.plane.assign({ pods: [pod], configMaps: [env, files('one', '1')], secrets: [secret('hunter2', '1')] });
    await host.ready('app');
    const show =
      'cat /config/a.conf /config/deep/b.conf /secret/password; echo " $COLOUR $PASSWORD"; cat /one; stat -Lc %a /config/deep/b.conf /secret/password';
    expect(await host.exec('app', ['sh', '-c', show])).toBe('onebeehunter2 blue hunter2\none400\n440');
    expect(await host.exec('app', ['sh', '-c', 'echo x > /config/a.conf'])).toContain('Read-only file system');
    const type = execFileSync('stat', ['-fc', '%T', join(host.data, 'secrets')], { encoding: 'utf8' }).trim();
    expect(type).toBe('tmpfs');

    host.plane.assign({ configMaps: [env, files('two', '2')], secrets: [secret('correct horse', '2')] });
    await host.plane.until('refreshed', () => host.plane.reports.at(-1)?.observedRevision === host.plane.assigned.revision);
    expect(await host.exec('app', ['sh', '-c', 'cat /config/a.conf /secret/password'])).toBe('twocorrect horse');
    expect(host.container('app')?.restartCount).toBe(0);
    host.plane.assign({ pods: [deleted(pod, 0)] });
    await host.gone('app');
    expect(readdirSync(join(host.data, 'secrets'))).toEqual([]);
  });

  test('that refer to what does not exist keep the pod waiting, and it starts when that comes', async () => {
    const container = shell('sleep 1000', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'x' } } }] });
    host.plane.assign({ pods: [podOf('app', { containers: [container] })] });
    const waiting = await host.plane.until('waiting', () => {
      const state = host.container('app')?.state.waiting;
      return state?.reason === 'CreateContainerConfigError' ? state : undefined;
    });
    expect(waiting.message).toBe('configmap "late" not found');
    host.plane.assign({ configMaps: [configMapOf('late', { x: '1' })] });
    await host.ready('app');
    expect(await host.exec('app', ['sh', '-c', 'echo $X'])).toBe('1');
  });

  test('emptyDir outlives its container, not its pod; in memory where asked', async () => {
    const container = shell('echo start >> /disk/log; echo start >> /memory/log; sleep 1000', {
      volumeMounts: [
        { name: 'disk', mountPath: '/disk' },
        { name: 'memory', mountPath: '/memory' },
      ],
    });
    const volumes = [
      { name: 'disk', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' as const, sizeLimit: '16Mi' } },
    ];
    const pod = podOf('cache', { containers: [container], volumes, securityContext: { fsGroup: 4242 } });
    host.plane.assign({ pods: [pod] });
    await host.ready('cache');
    const written = () => host.exec('cache', ['cat', '/disk/log', '/memory/log']);
    await eventually('it has written', async () => expect(await written()).toBe('start\nstart'));
    await host.engine.killContainer(host.id('cache'));
    await host.plane.until('again', () => host.container('cache')?.restartCount === 1 && host.container('cache')?.ready);
    const show = 'cat /disk/log /memory/log; df -m /memory | tail -1 | tr -s " " | cut -d " " -f 1-2; stat -c %g /disk; id -G';
    await eventually('it has written again', async () =>
      expect(await host.exec('cache', ['sh', '-c', show])).toBe('start\nstart\nstart\nstart\nterrane 16\n4242\n0 4242'),
    );
    host.plane.assign({ pods: [deleted(pod, 0)] });
    await host.gone('cache');
    expect(existsSync(join(host.data, 'pods', pod.metadata.uid))).toBe(false);
  });

  test('hostPath is checked as its type says', async () => {
    const volumeMounts = [{ name: 'host', mountPath: '/host' }];
    const file = join(host.dockerd.dir, 'a-file');
    writeFileSync(file, 'content');
    const volume = (type: 'Directory' | 'File') => [{ name: 'host', hostPath: { path: file, type } }];
    host.plane.assign({
      pods: [
        podOf('right', { containers: [shell('sleep 1000', { volumeMounts })], volumes: volume('File') }),
        podOf('wrong', { containers: [shell('sleep 1000', { volumeMounts })], volumes: volume('Directory') }),
      ],
    });
    await host.ready('right');
    expect(await host.exec('right', ['cat', '/host'])).toBe('content');
    await host.plane.until('refused', () => host.container('wrong')?.state.waiting?.message?.includes('is not a Directory'));
  });

  test('a subPath can not lead out of its volume by a link that a container made', async () => {
    const evil = join(host.dockerd.dir, 'outside');
    const volumes = [{ name: 'work', emptyDir: {} }];
    const pod = podOf('trap', {
      initContainers: [shell(`ln -s ${evil} /work/link`, { name: 'init', volumeMounts: [{ name: 'work', mountPath: '/work' }] })],
      containers: [shell('sleep 1000', { volumeMounts: [{ name: 'work', mountPath: '/x', subPath: 'link/inner' }] })],
      volumes,
    });
    statSync(host.dockerd.dir);
    host.plane.assign({ pods: [pod] });
    await host.plane.until(
      'refused',
      () => host.container('trap', 'main')?.state.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(existsSync(evil)).toBe(false);
  });
});

describe('networks and ports', () => {
  test("a port of the host leads to the container; on the host network it is the host's own", async () => {
    const [published, hosted] = [await freePort(), await freePort()];
    const server = (port: number) => shell(`mkdir /www; echo ${port} >/www/index.html; httpd -f -p ${port} -h /www`);
    host.plane.assign({
      pods: [
        podOf('published', {
          containers: [{ ...server(8080), ports: [{ containerPort: 8080, hostPort: published, hostIP: '127.0.0.1' }] }],
        }),
        podOf('hosted', {
          hostNetwork: true,
          containers: [{ ...server(hosted), readinessProbe: { tcpSocket: { port: hosted }, periodSeconds: 1 } }],
        }),
      ],
    });
    await host.ready('published');
    const { podIP, hostIP } = await host.ready('hosted');
    await eventually('it is reached by the port of the host', async () =>
      expect(await (await fetch(`http://127.0.0.1:${published}/`)).text()).toBe('8080\n'),
    );
    expect(podIP).toBe(hostIP);
    expect(await (await fetch(`http://${hostIP}:${hosted}/`)).text()).toBe(`${hosted}\n`);
  });
});
