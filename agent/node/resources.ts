import { readFile, statfs } from 'node:fs/promises';
import type { HostInfo } from './host-info.ts';

/** What can change while the host is up, as far as the node's conditions need it. */
export interface HostUsage {
  readonly memoryAvailableBytes: number;
  /** The disks of containers and of the agent: the one with the least left counts. */
  readonly disks: readonly Disk[];
}

export interface Disk {
  readonly path: string;
  readonly sizeBytes: number;
  /** What others than root may still take. */
  readonly availableBytes: number;
  readonly usedBytes: number;
}

export async function hostUsage(paths: readonly string[]): Promise<HostUsage> {
  const disks = await Promise.all(paths.map(diskOf));
  return { memoryAvailableBytes: await memoryAvailable(), disks: disks.filter((disk) => disk !== undefined) };
}

async function diskOf(path: string): Promise<Disk | undefined> {
  try {
    const { bsize, blocks, bavail, bfree } = await statfs(path);
    return { path, sizeBytes: bsize * blocks, availableBytes: bsize * bavail, usedBytes: bsize * (blocks - bfree) };
  } catch {
    return undefined;
  }
}

async function memoryAvailable(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  return kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1024;
}

const PODS_MAX = 110;
const MB = 1024 * 1024;

export interface NodeResources {
  readonly capacity: Record<string, string>;
  /** What is left for pods after the host's own needs: 100m of cpu, 5 % of memory (100 to 500 MB), 10 % of the disk. */
  readonly allocatable: Record<string, string>;
}

export function nodeResources(host: HostInfo, disk: Disk | undefined): NodeResources {
  const reserved = Math.min(Math.max(host.memoryBytes * 0.05, 100 * MB), 500 * MB);
  const storage = disk?.sizeBytes ?? 0;
  return {
    capacity: {
      cpu: String(host.cpus),
      memory: kibibytes(host.memoryBytes),
      'ephemeral-storage': kibibytes(storage),
      pods: String(PODS_MAX),
    },
    allocatable: {
      cpu: `${host.cpus * 1000 - 100}m`,
      memory: kibibytes(Math.max(host.memoryBytes - reserved, 0)),
      'ephemeral-storage': kibibytes(storage * 0.9),
      pods: String(PODS_MAX),
    },
  };
}

function kibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}
