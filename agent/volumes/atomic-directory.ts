import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFile } from './payload.ts';

/**
 * Makes a directory hold exactly these files, changing all at once for who reads it (Kubernetes' layout, which programs that
 * watch their configuration rely on): the files lie in a directory with a new name, `..data` points at it, and each name in
 * the volume points through `..data`. Nothing is written when nothing differs. Returns whether it was.
 */
export async function writeDirectory(directory: string, files: readonly VolumeFile[], group?: number): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await chmod(directory, 0o755);
  const data = join(directory, '..data');
  const current = await readlink(data).catch(() => undefined);
  if (current !== undefined && (await holds(join(directory, current), files, group))) return false;

  const next = `..${randomBytes(6).toString('hex')}`;
  await mkdir(join(directory, next), { mode: 0o755 });
  await chmod(join(directory, next), 0o755);
  for (const { path, content, mode } of files) {
    const file = join(directory, next, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, content);
    if (group !== undefined) await chown(file, -1, group);
    await chmod(file, fileMode(mode, group));
  }
  const temporary = join(directory, '..data-new');
  await rm(temporary, { force: true });
  await symlink(next, temporary);
  await rename(temporary, data);

  const names = new Set(files.map(({ path }) => path.split('/')[0]!));
  for (const name of names) {
    await symlink(join('..data', name), join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const name of await readdir(directory)) {
    if (name !== '..data' && name !== next && !names.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  return true;
}

/** Who is in the volume's group may read what its owner may. */
function fileMode(mode: number, group: number | undefined): number {
  return group === undefined ? mode : mode | ((mode & 0o400) >> 3);
}

async function holds(directory: string, files: readonly VolumeFile[], group: number | undefined): Promise<boolean> {
  const present = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const { path, content, mode } of files) {
    const file = join(directory, path);
    const status = await stat(file).catch(() => undefined);
    if (!status || (status.mode & 0o7777) !== fileMode(mode, group) || (group !== undefined && status.gid !== group))
      return false;
    if (status.size !== content.length || !(await readFile(file)).equals(content)) return false;
  }
  return true;
}
