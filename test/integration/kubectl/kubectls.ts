import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { unpackedPackage } from '../../support/debian-package.ts';

export interface Kubectl {
  /** E.g. `1.20`. */
  readonly version: string;
  readonly path: string;
}

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

async function debianKubectl(): Promise<string | undefined> {
  if (arch() !== 'x64' && arch() !== 'arm64') return undefined;
  return join(await unpackedPackage('kubernetes-client'), 'usr/bin/kubectl');
}
