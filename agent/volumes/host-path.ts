import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import type { Volume } from '../../core/resources/schema/pod.ts';
import { StartFailure } from '../runtime/start-failure.ts';

type HostPath = NonNullable<Volume['hostPath']>;

const EXPECTED: Readonly<Record<string, (found: Stats) => boolean>> = {
  Directory: (found) => found.isDirectory(),
  DirectoryOrCreate: (found) => found.isDirectory(),
  File: (found) => found.isFile(),
  FileOrCreate: (found) => found.isFile(),
  Socket: (found) => found.isSocket(),
  CharDevice: (found) => found.isCharacterDevice(),
  BlockDevice: (found) => found.isBlockDevice(),
};

/** Checks that the path is what the pod says it is, or makes it where the pod asks for that. */
export async function ensureHostPath(volume: string, { path, type = '' }: HostPath): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    if (type === '' || type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
    else if (type === 'FileOrCreate') await writeFile(path, '', { flag: 'a', mode: 0o644 });
    else throw failure(volume, `${path} does not exist on this host`);
    return;
  }
  if (type !== '' && !EXPECTED[type]?.(found)) throw failure(volume, `${path} on this host is not a ${type}`);
}

function failure(volume: string, message: string): StartFailure {
  return new StartFailure('CreateContainerConfigError', `hostPath volume "${volume}": ${message}`);
}
