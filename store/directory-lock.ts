import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Thrown when another process already serves from the data directory. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
}

export interface DirectoryLock {
  release(): void;
}

const LOCKED_BY_ANOTHER = 1;

/**
 * Makes this process the only writer of `directory` (made if missing, 0700), by flock(2) on `<directory>/lock`. The kernel
 * drops the lock when the process ends, however it ends, so that a lock left by a killed server never has to be cleaned up.
 *
 * Node has no flock(2): flock(1) of util-linux (in every Debian) takes it on our descriptor, where it stays.
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'lock');
  const descriptor = openSync(path, 'a+', 0o600);
  const result = spawnSync('flock', ['--exclusive', '--nonblock', '3'], { stdio: ['ignore', 'ignore', 'pipe', descriptor] });
  if (result.status !== 0) {
    closeSync(descriptor);
    if (result.status === LOCKED_BY_ANOTHER) {
      throw new DirectoryInUseError(
        `the data directory ${directory} is in use by ${holder(path)}: stop that server first, or choose another directory with --data`,
      );
    }
    const reason = result.error?.message ?? result.stderr.toString().trim();
    throw new Error(
      `can not lock the data directory ${directory} (flock: ${reason}); it needs util-linux and a local file system`,
    );
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return { release: () => closeSync(descriptor) };
}

function holder(path: string): string {
  const pid = readFileSync(path, 'utf8').trim();
  return pid ? `another server (process ${pid})` : 'another server';
}
