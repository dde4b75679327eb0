import { mkdir, statfs } from 'node:fs/promises';
import type { OfferedUpdate } from '../../core/updates/agent-protocol.ts';
import { UpdateFailure } from './driver.ts';

const MB = 1_000_000;
/** A disk that is full to the last byte is no place for anything else. */
const SPARE_BYTES = 64 * MB;

/** Throws UpdateFailure if the files of an update don't fit on the disk of `folder`. */
export async function requireRoom(folder: string, { files }: OfferedUpdate): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(folder);
  const needed = files.reduce((sum, { size }) => sum + size, 0) + SPARE_BYTES;
  if (bavail * bsize >= needed) return;
  const [free, wanted] = [bavail * bsize, needed].map((bytes) => Math.ceil(bytes / MB));
  throw new UpdateFailure('downloadFailed', `the update needs ${wanted} MB below ${folder}, of which ${free} MB are free`);
}
