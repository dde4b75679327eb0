import { isWithin, labelsBelow, normalName } from './names.ts';
import type { NamedData } from './record.ts';
import { isWildcard, matches, parseSkydnsRecord, skydnsData, skydnsPath } from './skydns.ts';
import type { Zone } from './zone.ts';

export interface SkydnsEntry {
  readonly key: string;
  readonly value: string;
  /** The key goes with a lease. */
  readonly leased: boolean;
}

/** Reads keys: one, or all that begin with it. Rejects when the store can't be read now. */
export type ReadSkydns = (key: string, below: boolean) => Promise<readonly SkydnsEntry[]>;

/** The names below `origin` that the keys below /skydns give. */
export function skydnsZone(origin: string, read: ReadSkydns): Zone {
  const top = normalName(origin);
  return {
    origin: top,
    covers: (name) => isWithin(name, top),
    async lookup(name): Promise<readonly NamedData[] | undefined> {
      const labels = [...labelsBelow(name, top), ...top.split('.')];
      const path = skydnsPath(labels);
      if (path === undefined) return undefined;
      const entries = labels.some(isWildcard) ? await matching(path, read) : await below(path, read);
      const records = entries.flatMap(({ key, value, leased }) => parseSkydnsRecord(key, value, leased) ?? []);
      // The zone is there before the first name in it.
      if (records.length === 0) return name === top ? [] : undefined;
      return skydnsData(records, name);
    },
  };
}

/** All below the path; if there is nothing, what stands at the path itself. */
async function below(path: string, read: ReadSkydns): Promise<readonly SkydnsEntry[]> {
  const entries = await read(`${path}/`, true);
  return entries.length > 0 ? entries : read(path, false);
}

async function matching(path: string, read: ReadSkydns): Promise<readonly SkydnsEntry[]> {
  const segments = path.split('/');
  const sure = segments.slice(0, segments.findIndex(isWildcard));
  const entries = await read(`${sure.join('/')}/`, true);
  return entries.filter(({ key }) => matches(key, path));
}
