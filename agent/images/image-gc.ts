import type { Logger } from '../../core/ports/logger.ts';
import type { Engine } from '../docker/engine.ts';
import { DockerError, isNotFound, messageOf } from '../docker/errors.ts';
import { readJson, writeAtomic } from '../files/atomic-file.ts';
import { hostUsage } from '../node/resources.ts';
import type { ImagePulled } from './image-store.ts';

/** An image that this agent pulled. Others are somebody else's and are never removed. */
export interface ImageRecord {
  readonly image: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly pulledAt: number;
  lastUsedAt: number;
}

export interface ImageCollector {
  readonly pulled: (image: ImagePulled) => void;
  /** Removes images while the disk is too full. `inUse`: names that pods on this host refer to. */
  collect(diskPath: string, inUse: ReadonlySet<string>): Promise<void>;
}

/** Kubernetes' thresholds: from 85 % on, down to 80 %. */
const HIGH = 0.85;
const LOW = 0.8;
/** An image that was just pulled is about to be used. */
const YOUNG_MS = 120_000;

export interface ImageCollectorOptions {
  readonly engine: Engine;
  readonly file: string;
  readonly now: () => number;
  readonly log: Logger;
  /** Fraction of the disk of `path` that is used, 0 to 1. */
  readonly diskUsed?: (path: string) => Promise<number>;
}

export async function imageCollector(options: ImageCollectorOptions): Promise<ImageCollector> {
  const { engine, file, now, log, diskUsed = usedFraction } = options;
  const known = await readJson<ImageRecord[]>(file).catch(() => undefined);
  const records = new Map((Array.isArray(known) ? known : []).map((record) => [record.image, record]));

  // One write after the other: two at once would share a temporary file.
  let saved: Promise<void> = Promise.resolve();
  const save = () => {
    saved = saved
      .then(() => writeAtomic(file, JSON.stringify([...records.values()])))
      .catch((error: unknown) => log.warn('the list of pulled images could not be written', { reason: messageOf(error) }));
    return saved;
  };

  async function remove(record: ImageRecord): Promise<void> {
    try {
      await engine.removeImage(record.image);
      log.info('image removed to make room', { image: record.image, bytes: record.sizeBytes });
    } catch (error) {
      // 409: a container uses it, perhaps one that is not ours.
      if (error instanceof DockerError && error.status === 409) return;
      if (!isNotFound(error)) throw error;
    }
    records.delete(record.image);
  }

  return {
    pulled({ image, id, sizeBytes }) {
      records.set(image, { image, id, sizeBytes, pulledAt: now(), lastUsedAt: now() });
      void save();
    },
    async collect(diskPath, inUse) {
      for (const record of records.values()) if (inUse.has(record.image)) record.lastUsedAt = now();
      await saved;
      if (records.size === 0 || (await diskUsed(diskPath)) < HIGH) return;
      const candidates = [...records.values()]
        .filter(({ image, pulledAt }) => !inUse.has(image) && now() - pulledAt > YOUNG_MS)
        .sort((a, b) => a.lastUsedAt - b.lastUsedAt);
      for (const record of candidates) {
        await remove(record);
        if ((await diskUsed(diskPath)) < LOW) break;
      }
      await save();
    },
  };
}

async function usedFraction(path: string): Promise<number> {
  const [disk] = (await hostUsage([path])).disks;
  return disk ? disk.usedBytes / (disk.usedBytes + disk.availableBytes) : 0;
}
