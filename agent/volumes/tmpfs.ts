import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** File systems in memory, for what must never reach a disk. Node can't mount, so mount(8) does. */
const run = promisify(execFile);

export interface TmpfsOptions {
  /** undefined = half of the host's memory, the kernel's default. */
  readonly sizeBytes?: number | undefined;
  readonly mode: number;
}

/** Afterwards `path` is a tmpfs; one that is there stays. Throws when this process may not mount. */
export async function ensureTmpfs(path: string, { sizeBytes, mode }: TmpfsOptions): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if ((await mountPoints()).includes(path)) return;
  const settings = [
    `mode=${mode.toString(8).padStart(4, '0')}`,
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
    'nosuid,nodev',
  ];
  await run('mount', ['-t', 'tmpfs', '-o', settings.join(','), 'terrane', path]);
}

/** Unmounts everything at or below `path`. */
export async function unmountBelow(path: string): Promise<void> {
  const mounted = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
  // Innermost first. Lazily: a container that is still going away must not keep the pod's directory.
  for (const point of mounted.toReversed()) await run('umount', ['-l', point]);
}

async function mountPoints(): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table.split('\n').map((line) => unescapePath(line.split(' ')[4] ?? ''));
}

/** The kernel writes blanks in paths as octal. */
function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
