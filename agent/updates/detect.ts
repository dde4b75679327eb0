import { access, readFile } from 'node:fs/promises';
import type { UpdateDriverName } from '../../core/resources/schema/update-group.ts';

export const OS_UPDATES_LABEL = 'terrane.dev/os-updates';

/** How this host's system can be updated: what groups select by. Undefined: in no way that is known here. */
export async function osUpdates(root = '/'): Promise<Exclude<UpdateDriverName, 'agent'> | undefined> {
  const release = await readFile(`${root}/etc/os-release`, 'utf8').catch(() => '');
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? '';
  if (['flatcar', 'coreos'].includes(field('ID'))) return 'flatcar';
  if (field('VARIANT_ID') === 'coreos') return 'fcos';
  if (await exists(`${root}/etc/rauc/system.conf`)) return 'rauc';
  if (await exists(`${root}/usr/bin/apt-get`)) return 'apt';
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
