import type { Container, Pod } from '../../core/resources/schema/pod.ts';
import type { ContainerCreate, HostConfig, Mount } from '../docker/types.ts';
import type { DnsSettings } from './dns-config.ts';
import { expand } from './expand.ts';
import { limitsOf } from './limits.ts';

/** What the engine is told when a container of a pod is made. */
export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly labels: Record<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: Mount[];
  /** Docker's network for a pod without a pause container; undefined: Docker's own. */
  readonly network?: string | undefined;
  /** Id of the pause container to join. */
  readonly sandbox: string | undefined;
  readonly hostMemoryBytes: number;
  /** How names are resolved. A container that joins a pause container has that one's way. */
  readonly dns: DnsSettings;
}

/** How much of a container's output is kept: three files of 10 MB, the oldest goes. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } };

export function containerConfig(input: ContainerConfigInput): ContainerCreate {
  const { pod, container, environment, sandbox } = input;
  const { hostNetwork } = pod.spec;
  const ports = sandbox || hostNetwork ? [] : (container.ports ?? []);
  const user = userOf(pod, container);
  const expanded = (texts: readonly string[]) => texts.map((text) => expand(text, environment));
  return {
    Image: container.image,
    // A container that shares a network shares the host name of whose network it is.
    ...(sandbox || hostNetwork ? {} : { Hostname: hostnameOf(pod) }),
    Env: [...environment].map(([name, value]) => `${name}=${value}`),
    ...(container.command?.length ? { Entrypoint: expanded(container.command) } : {}),
    // With a command of its own but no arguments, the image's arguments don't apply.
    ...(container.args?.length ? { Cmd: expanded(container.args) } : container.command?.length ? { Cmd: [] } : {}),
    ...(container.workingDir ? { WorkingDir: container.workingDir } : {}),
    ...(user === undefined ? {} : { User: user }),
    Labels: input.labels,
    ...portsOf(ports),
    OpenStdin: container.stdin ?? false,
    Tty: container.tty ?? false,
    HostConfig: { ...hostConfig(input), ...bindingsOf(ports) },
  };
}

/** The pause container: it holds the network (of Docker's; undefined: its default), with its ports, and does nothing. */
export function sandboxConfig(
  pod: Pod,
  image: string,
  labels: Record<string, string>,
  dns: DnsSettings,
  network?: string,
): ContainerCreate {
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return {
    Image: image,
    Hostname: hostnameOf(pod),
    Labels: labels,
    ...portsOf(ports),
    HostConfig: {
      IpcMode: 'shareable',
      RestartPolicy: { Name: 'no' },
      LogConfig: LOG_CONFIG,
      CpuShares: 2,
      PidsLimit: 16,
      ...dns,
      ...(network ? { NetworkMode: network } : {}),
      ...bindingsOf(ports),
    },
  };
}

function hostConfig({ pod, container, mounts, network, sandbox, hostMemoryBytes, dns }: ContainerConfigInput): HostConfig {
  const security = container.securityContext ?? {};
  const { fsGroup } = pod.spec.securityContext ?? {};
  return {
    ...(sandbox ? { NetworkMode: `container:${sandbox}`, IpcMode: `container:${sandbox}` } : dns),
    ...(pod.spec.hostNetwork ? { NetworkMode: 'host' } : !sandbox && network ? { NetworkMode: network } : {}),
    Mounts: mounts,
    ...limitsOf(pod.spec, container, hostMemoryBytes),
    // The agent restarts containers: with the pod's policy, hooks and back-off.
    RestartPolicy: { Name: 'no' },
    LogConfig: LOG_CONFIG,
    ...(security.privileged ? { Privileged: true } : {}),
    ...(security.capabilities?.add ? { CapAdd: security.capabilities.add } : {}),
    ...(security.capabilities?.drop ? { CapDrop: security.capabilities.drop } : {}),
    ...(security.allowPrivilegeEscalation === false ? { SecurityOpt: ['no-new-privileges'] } : {}),
    ...(security.readOnlyRootFilesystem ? { ReadonlyRootfs: true } : {}),
    ...(fsGroup === undefined ? {} : { GroupAdd: [String(fsGroup)] }),
  };
}

/** At most 63 characters, and none that a host name can't end with. */
export function hostnameOf({ metadata, spec }: Pod): string {
  return (spec.hostname ?? metadata.name).slice(0, 63).replace(/[-.]+$/, '');
}

function userOf(pod: Pod, container: Container): string | undefined {
  const user = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const group = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup;
  if (user === undefined && group === undefined) return undefined;
  return group === undefined ? String(user) : `${user ?? 0}:${group}`;
}

type Ports = NonNullable<Container['ports']>;

function portsOf(ports: Ports): Pick<ContainerCreate, 'ExposedPorts'> {
  if (ports.length === 0) return {};
  return { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) };
}

function bindingsOf(ports: Ports): Pick<HostConfig, 'PortBindings'> {
  const bound = ports.filter(({ hostPort }) => hostPort !== undefined);
  if (bound.length === 0) return {};
  const bindings: NonNullable<HostConfig['PortBindings']> = {};
  for (const port of bound) {
    const list = (bindings[portKey(port)] ??= []);
    list.push({ ...(port.hostIP ? { HostIp: port.hostIP } : {}), HostPort: String(port.hostPort) });
  }
  return { PortBindings: bindings };
}

function portKey({ containerPort, protocol }: Ports[number]): string {
  return `${containerPort}/${(protocol ?? 'TCP').toLowerCase()}`;
}
