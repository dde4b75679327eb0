import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { NodeStatus } from '../../core/resources/schema/node.ts';
import type { EngineInfo } from '../docker/types.ts';

/** What stays the same while the host is up. */
export interface HostInfo {
  readonly bootId: string;
  readonly machineId: string;
  readonly hostname: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly osImage: string;
  readonly kernelVersion: string;
  /** As Kubernetes and Go name it. */
  readonly architecture: string;
  readonly systemUuid: string;
}

export function hostInfo(): HostInfo {
  const machineId = readText('/etc/machine-id') || readText('/var/lib/dbus/machine-id');
  return {
    bootId: readText('/proc/sys/kernel/random/boot_id') || 'unknown',
    machineId,
    hostname: os.hostname(),
    memoryBytes: os.totalmem(),
    cpus: os.availableParallelism(),
    osImage: osImage(),
    kernelVersion: os.release(),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    systemUuid: readText('/sys/class/dmi/id/product_uuid') || machineId,
  };
}

export function nodeInfoOf(
  host: HostInfo,
  engine: EngineInfo | undefined,
  agentVersion: string,
): NonNullable<NodeStatus['nodeInfo']> {
  return {
    machineID: host.machineId,
    systemUUID: host.systemUuid,
    bootID: host.bootId,
    kernelVersion: host.kernelVersion,
    osImage: host.osImage,
    containerRuntimeVersion: engine ? `docker://${engine.ServerVersion}` : '',
    kubeletVersion: `v${agentVersion}`,
    kubeProxyVersion: '',
    operatingSystem: 'linux',
    architecture: host.architecture,
  };
}

export function nodeLabels(host: HostInfo, nodeName: string): Record<string, string> {
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': host.architecture,
  };
}

function osImage(): string {
  return /^PRETTY_NAME="?(.*?)"?$/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
