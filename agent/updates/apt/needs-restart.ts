import { readdir, readFile, stat } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';

/** Names of programs that still run code which an upgrade has replaced: executable mappings of files that are gone (proc(5), maps). */
export async function runningOldCode(proc = '/proc'): Promise<string[]> {
  const names = new Set<string>();
  for (const pid of await readdir(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const maps = await readFile(join(proc, pid, 'maps'), 'utf8').catch(() => '');
    if (!maps.split('\n').some(isReplacedCode)) continue;
    names.add((await readFile(join(proc, pid, 'comm'), 'utf8').catch(() => '')).trim() || pid);
  }
  return [...names].sort();
}

/** Of the system's own folders: what lies in /tmp, in memory or in a container is nobody's package. */
function isReplacedCode(line: string): boolean {
  return (
    /^\S+ r.x\S? .* \/(usr|lib|lib64|bin|sbin|opt)\/.*\.so[^/]* \(deleted\)$/.test(line) ||
    /^\S+ r.x\S? .* \/(usr\/)?s?bin\/\S+ \(deleted\)$/.test(line)
  );
}

/** Why the host must reboot to run what is installed; undefined: it need not. */
export async function rebootReason(root = '/', bootedAt = Date.now() - os.uptime() * 1000): Promise<string | undefined> {
  if (await stat(join(root, 'run/reboot-required')).catch(() => undefined)) {
    const packages = await readFile(join(root, 'run/reboot-required.pkgs'), 'utf8').catch(() => '');
    return `asked for by ${packages.trim().split('\n').join(', ') || 'a package'}`;
  }
  for (const name of await readdir(join(root, 'boot')).catch(() => [])) {
    if (!/^vmlinu[xz]-/.test(name)) continue;
    const { mtimeMs } = await stat(join(root, 'boot', name));
    // ctime would be of the unpacking, but changes with every chmod; a kernel's own date is its packager's.
    const installed = await stat(join(root, 'var/lib/dpkg/info', `linux-image-${name.replace(/^vmlinu[xz]-/, '')}.list`)).catch(
      () => undefined,
    );
    if ((installed?.mtimeMs ?? mtimeMs) > bootedAt) return `a new kernel, ${name}`;
  }
  return undefined;
}
