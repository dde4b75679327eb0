import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EntryFiles } from './entry-files.ts';

/** The files of all logs of a data directory: `<directory>/<tenant>.<cluster>/<registry|kv>/<first sequence>.log`. */
export interface LogFiles {
  /** Always the same for the same log. */
  of(tenant: string, cluster: string, keyspace: string): EntryFiles;
  /** Deletes those of a cluster for good: nothing is written to them any more. */
  forget(tenant: string, cluster: string): Promise<void>;
  /** What is wrong with the disk, by what was last written to it; undefined: nothing is. `now`: ms since the epoch. */
  problem(now: number): string | undefined;
  close(): Promise<void>;
}

/** Files that are held open at most: others are opened again when they are written to. */
const OPEN_MAX = 256;
/** What ids are made of. Anything else could mean something in a path. */
const PART = /^[A-Za-z0-9_-]+$/;
const KEYSPACES = ['registry', 'kv'];

/** Only for whoever holds the directory's lock (directory-lock.ts). */
export function logFiles(
  directory: string,
  { openMax = OPEN_MAX, segmentBytes }: { openMax?: number; segmentBytes?: number } = {},
): LogFiles {
  const logs = new Map<string, EntryFiles>();
  /** The first opened first. */
  const open = new Set<EntryFiles>();

  function onOpened(files: EntryFiles): void {
    open.add(files);
    for (const oldest of open) {
      if (open.size <= openMax) return;
      open.delete(oldest);
      // Gone from us even if it could not be closed in order; nothing waits to be written.
      oldest.idle().catch(() => {});
    }
  }

  function of(tenant: string, cluster: string, keyspace: string): EntryFiles {
    for (const part of [tenant, cluster, keyspace]) {
      if (!PART.test(part)) throw new RangeError(`${JSON.stringify(part)} can not be part of a log's name`);
    }
    const id = `${tenant}.${cluster}/${keyspace}`;
    const files = logs.get(id) ?? new EntryFiles({ directory: join(directory, id), name: id, onOpened, segmentBytes });
    logs.set(id, files);
    return files;
  }

  return {
    of,
    async forget(tenant, cluster) {
      for (const keyspace of KEYSPACES) {
        const files = of(tenant, cluster, keyspace);
        await files.remove();
        open.delete(files);
      }
      await rm(join(directory, `${tenant}.${cluster}`), { recursive: true, force: true });
    },
    problem(now) {
      for (const files of logs.values()) {
        const problem = files.problem(now);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
    async close() {
      await Promise.all(Array.from(logs.values(), (files) => files.idle()));
    },
  };
}
