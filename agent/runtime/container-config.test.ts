import { describe, expect, test } from '@jest/globals';
import type { Container, PodSpec } from '../../core/resources/schema/pod.ts';
import { container, pod } from '../testing/pods.ts';
import { containerConfig, hostnameOf, sandboxConfig } from './container-config.ts';

function configOf(more: Partial<Container> = {}, spec: Partial<PodSpec> = {}, sandbox?: string) {
  const one = container('main', more);
  return containerConfig({
    pod: pod('web', { ...spec, containers: [one] }),
    container: one,
    labels: {},
    environment: new Map([['NAME', 'value']]),
    mounts: [],
    sandbox,
    hostMemoryBytes: 8 * 1024 ** 3,
    dns: { Dns: ['10.244.1.1'] },
  });
}

describe('command and arguments', () => {
  test("without any, the image's apply", () => {
    const config = configOf();
    expect(config).not.toHaveProperty('Entrypoint');
    expect(config).not.toHaveProperty('Cmd');
  });
  test("arguments alone go to the image's command, with variables put in", () => {
    expect(configOf({ args: ['--name=$(NAME)'] })).toMatchObject({ Cmd: ['--name=value'] });
    expect(configOf({ args: ['x'] })).not.toHaveProperty('Entrypoint');
  });
  test("a command alone drops the image's arguments", () => {
    expect(configOf({ command: ['run'] })).toMatchObject({ Entrypoint: ['run'], Cmd: [] });
  });
});

describe('limits', () => {
  test('memory can not be evaded by swapping; cpu becomes a quota, its request a share', () => {
    const resources = { limits: { memory: '64Mi', cpu: '1500m' }, requests: { cpu: '250m' } };
    expect(configOf({ resources }).HostConfig).toMatchObject({
      Memory: 64 * 1024 ** 2,
      MemorySwap: 64 * 1024 ** 2,
      CpuPeriod: 100_000,
      CpuQuota: 150_000,
      CpuShares: 256,
    });
  });
  test('without limits there are none but for processes', () => {
    const { HostConfig } = configOf();
    expect(HostConfig).toMatchObject({ CpuShares: 2, PidsLimit: 4096 });
    expect(HostConfig).not.toHaveProperty('Memory');
    expect(HostConfig).not.toHaveProperty('CpuQuota');
  });
  test('who asked for nothing goes first when memory runs out, who reserved it last', () => {
    const score = (resources: Container['resources']) => configOf(resources ? { resources } : {}).HostConfig.OomScoreAdj;
    const all = { memory: '4Gi', cpu: '1' };
    expect(score(undefined)).toBe(1000);
    expect(score({ requests: { memory: '4Gi' } })).toBe(500);
    expect(score({ limits: all, requests: all })).toBe(0);
  });
});

describe('identity and rights', () => {
  test.each([
    [{ runAsUser: 7 }, {}, '7'],
    [{ runAsGroup: 8 }, {}, '0:8'],
    [{}, { runAsUser: 1, runAsGroup: 2 }, '1:2'],
    [{ runAsUser: 7 }, { runAsUser: 1, runAsGroup: 2 }, '7:2'],
  ])('container %j in pod %j runs as %s', (securityContext, podSecurity, user) => {
    expect(configOf({ securityContext }, { securityContext: podSecurity }).User).toBe(user);
  });
  test('security settings reach the engine', () => {
    const securityContext = {
      privileged: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    };
    expect(configOf({ securityContext }, { securityContext: { fsGroup: 42 } }).HostConfig).toMatchObject({
      Privileged: true,
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges'],
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      GroupAdd: ['42'],
    });
  });
});

test('output is kept within bounds, and the engine restarts nothing by itself', () => {
  expect(configOf().HostConfig).toMatchObject({
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    RestartPolicy: { Name: 'no' },
  });
});

describe('network', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' },
    { containerPort: 53, protocol: 'UDP' as const },
  ];
  test('a container of its own publishes its ports and has a host name', () => {
    expect(configOf({ ports })).toMatchObject({
      Hostname: 'web',
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] } },
    });
  });
  test("in a shared network that is the pause container's", () => {
    const config = configOf({ ports }, {}, 'pause-id');
    expect(config.HostConfig).toMatchObject({ NetworkMode: 'container:pause-id', IpcMode: 'container:pause-id' });
    for (const field of ['Hostname', 'ExposedPorts']) expect(config).not.toHaveProperty(field);
    expect(config.HostConfig).not.toHaveProperty('PortBindings');
    const two = pod('two', { containers: [container('a', { ports }), container('b')] });
    expect(sandboxConfig(two, 'pause', {}, {}).HostConfig.PortBindings).toEqual({
      '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
    });
  });
  test('on the host network nothing is published', () => {
    const config = configOf({ ports }, { hostNetwork: true });
    expect(config.HostConfig.NetworkMode).toBe('host');
    expect(config.HostConfig).not.toHaveProperty('PortBindings');
  });
  test('a pod name that is too long for a host name is cut', () => {
    expect(hostnameOf(pod(`${'a'.repeat(62)}.b`))).toBe('a'.repeat(62));
  });
});
