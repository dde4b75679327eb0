import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/debian');

/**
 * The directory of a Debian package that is unpacked beside the tests and kept: installing it would change the machine. Other test files may ask for it
 * at the same time: each gets a whole one. Throws if apt can't get it.
 */
export async function unpackedPackage(name: string): Promise<string> {
  const kept = join(CACHE, name);
  if (existsSync(kept)) return kept;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'fetch-'));
  try {
    await run('apt-get', ['download', name], { cwd: work, timeout: 120_000 });
    await run('sh', ['-c', 'dpkg-deb -x ./*.deb root'], { cwd: work, timeout: 120_000 });
    await rename(join(work, 'root'), kept).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return kept;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
