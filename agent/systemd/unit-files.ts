import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AssignedUnit } from '../../core/node/assigned-unit.ts';
import { readJson, writeAtomic } from '../files/atomic-file.ts';
import type { Launch, UnitFile } from './observed.ts';

/**
 * Our unit files, each with a first line that says whose it is: a file without it, or with another owner's, is not ours and is neither
 * read nor touched. They are gone after a reboot, as is what is remembered of their starts, which lies beside them.
 */
export interface UnitFiles {
  /** By unit name. */
  list(): Promise<Map<string, UnitFile>>;
  /** Throws if there is a file of this name that no agent wrote. */
  write(unit: AssignedUnit): Promise<void>;
  /** Nothing, if it is not ours. */
  remove(name: string): Promise<void>;
  readLaunches(): Promise<Map<string, Launch>>;
  writeLaunches(launches: ReadonlyMap<string, Launch>): Promise<void>;
}

export interface UnitFilesOptions {
  /** /run/systemd/system */
  readonly directory: string;
  /** For what is remembered, gone with the next boot as well: /run/terrane. */
  readonly memory: string;
  /** `<cluster>/<host id>`: two agents may share a machine. */
  readonly owner: string;
  /** While this file is there, systemd starts no fenced unit, whoever asks for it: the lease has run out (agent/fencing). */
  readonly lapsedFile?: string | undefined;
}

const MARKER = /^# terrane\.dev\/unit owner=(\S+) uid=(\S+) hash=(\S+)\n/;
/** The second line of a fenced unit's file. */
const FENCED = '# terrane.dev/fenced\n';
const MARKER_BYTES_MAX = 1024;

export function unitFiles({ directory, memory, owner, lapsedFile }: UnitFilesOptions): UnitFiles {
  const pathOf = (name: string) => join(directory, name);
  const launchesFile = join(memory, `units-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}.json`);

  async function markerOf(name: string): Promise<UnitFile | undefined> {
    const text = await firstBytes(pathOf(name));
    const [line = '', whose, uid = '', hash = ''] = MARKER.exec(text) ?? [];
    return whose === owner ? { uid, hash, fenced: text.startsWith(FENCED, line.length) } : undefined;
  }

  return {
    async list() {
      const found = new Map<string, UnitFile>();
      const entries = await readdir(directory, { withFileTypes: true }).catch(ifAbsent([]));
      for (const entry of entries) {
        // What a write that was cut off left behind is no unit.
        const file =
          entry.isFile() && !entry.name.endsWith('.new') ? await markerOf(entry.name).catch(ifAbsent(undefined)) : undefined;
        if (file) found.set(entry.name, file);
      }
      return found;
    },
    async write({ name, uid, hash, contents, fenced }) {
      const marker = `# terrane.dev/unit owner=${owner} uid=${uid} hash=${hash}\n${fenced ? FENCED : ''}`;
      const there = await firstBytes(pathOf(name)).catch(ifAbsent(undefined));
      if (there !== undefined && !MARKER.test(there))
        throw new Error(`${pathOf(name)} is the host's own: give the unit another name, or remove that file`);
      // As systemd's own: anybody on the host may see what runs there.
      await writeAtomic(pathOf(name), `${marker}${contents}\n${fenced ? condition(lapsedFile) : ''}`, 0o644);
    },
    async remove(name) {
      if (!(await markerOf(name).catch(ifAbsent(undefined)))) return;
      await rm(`${pathOf(name)}.new`, { force: true });
      await rm(pathOf(name), { force: true });
    },
    async readLaunches() {
      const launches = await readJson<Record<string, Launch>>(launchesFile).catch(() => undefined);
      return new Map(Object.entries(launches ?? {}));
    },
    async writeLaunches(launches) {
      await mkdir(memory, { recursive: true, mode: 0o700 });
      await writeAtomic(launchesFile, JSON.stringify(Object.fromEntries(launches)));
    },
  };
}

/** Last, so that no text takes it back; after an empty line, which ends one that says it goes on. */
function condition(lapsedFile: string | undefined): string {
  return lapsedFile === undefined ? '' : `\n[Unit]\nConditionPathExists=!${lapsedFile}\n`;
}

async function firstBytes(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MARKER_BYTES_MAX) });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
