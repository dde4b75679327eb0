import type { Channel, Package } from './model.ts';
import { compareVersions, isNewer } from './version.ts';

/**
 * What an instance at `version` should be given next: the nearest floor above it that the target lies beyond, else the target.
 * Undefined: it has what it shall have, or something newer (updates never go back by themselves).
 */
export function nextPackage({ target, floors }: Pick<Channel, 'target' | 'floors'>, version: string): Package | undefined {
  if (!target || !isNewer(target.version, version)) return undefined;
  const ahead = floors.filter((floor) => isNewer(floor.version, version) && isNewer(target.version, floor.version));
  return ahead.sort((a, b) => compareVersions(a.version, b.version))[0] ?? target;
}
