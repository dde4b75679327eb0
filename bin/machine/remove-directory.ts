import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

/** With what is mounted below it, which nobody needs any more. */
export function removeDirectory(path: string): void {
  unmountBelow(path);
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** The innermost first. Processes that are still in one keep it to themselves. */
function unmountBelow(path: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount === path || mount.startsWith(`${path}/`));
  for (const mount of mounts.toReversed()) spawnSync('umount', ['-l', mount], { stdio: 'ignore' });
}
