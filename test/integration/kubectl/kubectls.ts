import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Kubectl {
  /** E.g. `1.20`. */
  readonly version: string;
  readonly path: string;
}

const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/kubectl');
/** Where Google's Cloud SDK package puts its own collection. */
const CLOUD_SDK = '/usr/lib/google-cloud-sdk/bin';

/**
 * Every stock kubectl that this machine has or can get from Debian, oldest first. What is missing is printed, so that a run
 * that tested less than another says so. `KUBECTL_VERSIONS=1.20,1.33` narrows it down while you work.
 */
export async function findKubectls(): Promise<Kubectl[]> {
  const found: Kubectl[] = [];
  const skip = (what: string, why: string) => console.warn(`kubectl ${what} is skipped: ${why}`);
  const debian = await debianKubectl().catch((error: Error) => {
    skip("1.20 (Debian's kubernetes-client)", error.message.split('\n', 1)[0]!);
    return undefined;
  });
  if (debian) found.push({ version: '1.20', path: debian });
  const sdk = existsSync(CLOUD_SDK) ? await readdir(CLOUD_SDK) : [];
  const names = sdk.filter((name) => /^kubectl\.\d+\.\d+$/.test(name)).sort();
  if (names.length === 0) skip('1.27 to 1.33', `none in ${CLOUD_SDK}`);
  for (const name of names) found.push({ version: name.slice('kubectl.'.length), path: join(CLOUD_SDK, name) });
  const wanted = process.env.KUBECTL_VERSIONS?.split(',');
  return wanted ? found.filter(({ version }) => wanted.includes(version)) : found;
}

/** Unpacks Debian's package beside the tests: installing it would change the machine. */
async function debianKubectl(): Promise<string | undefined> {
  const path = join(CACHE, 'debian/usr/bin/kubectl');
  if (existsSync(path)) return path;
  if (arch() !== 'x64' && arch() !== 'arm64') return undefined;
  await mkdir(join(CACHE, 'debian'), { recursive: true });
  const isPackage = (name: string) => name.startsWith('kubernetes-client_') && name.endsWith('.deb');
  if (!(await readdir(CACHE)).some(isPackage))
    await run('apt-get', ['download', 'kubernetes-client'], { cwd: CACHE, timeout: 120_000 });
  const file = (await readdir(CACHE)).find(isPackage);
  if (!file) throw new Error('apt-get download kubernetes-client left no package');
  await run('dpkg-deb', ['-x', join(CACHE, file), join(CACHE, 'debian')], { timeout: 120_000 });
  return path;
}
