import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../docker/errors.ts';
import { writeAtomic } from '../files/atomic-file.ts';
import { readIfThere } from '../files/read-if-there.ts';
import { type Installation, parseKeyValues } from './installation.ts';

/**
 * What install.sh makes from the archive's templates (share/) and an upgrade brings along: the service's unit file goes with the program, and comes
 * back with it (`<version>/etc` keeps it for upgrade-guard.sh); the guard and uninstall.sh follow once the program has been found good,
 * since they are what is left if it isn't.
 */
export interface ServiceFiles {
  /**
   * Puts the unit file of the version `to` in the place of that of `from`. Throws, with the old one back in its place, if systemd can't load it. Nothing,
   * if somebody has changed the file by hand, or if the host was installed before there was a record of how.
   */
  switchUnit(from: string, to: string): Promise<void>;
  /** After `switchUnit`, if nothing comes of the upgrade: the unit file of `from` as it was. Nothing, if that is there. */
  takeBackUnit(from: string): Promise<void>;
  /** The guard and uninstall.sh of `version`, if they differ. */
  bringScripts(version: string): Promise<void>;
}

const UNIT = 'terrane-agent.service';
const SCRIPTS = ['upgrade-guard.sh', 'uninstall.sh'] as const;
const run = promisify(execFile);

/** `reload`: has systemd read unit files; throws if it can't load the service's. */
export function serviceFiles(installation: Installation, reload: () => Promise<void> = reloadUnit): ServiceFiles {
  const values = async (): Promise<Values | undefined> => {
    const text = await readIfThere(installation.values);
    return text === undefined ? undefined : { ...parseKeyValues(text), base: installation.base };
  };
  return {
    async switchUnit(from, to) {
      const known = await values();
      const path = known?.unit;
      const installed = path ? await readIfThere(path) : undefined;
      if (!known || !path || installed === undefined) return;
      // Kept whatever comes next: what the guard puts back is what was there.
      const kept = join(from, 'etc', UNIT);
      await mkdir(dirname(kept), { recursive: true, mode: 0o755 });
      await writeAtomic(kept, installed, 0o644);
      const next = await fill(to, UNIT, known);
      if (installed !== (await fill(from, UNIT, known)) || next === undefined || next === installed) return;
      await writeAtomic(path, next, 0o644);
      try {
        await reload();
      } catch (error) {
        await writeAtomic(path, installed, 0o644);
        await reload().catch(() => undefined);
        throw new Error(`systemd does not take its unit file: ${messageOf(error)}`, { cause: error });
      }
    },
    async takeBackUnit(from) {
      const path = (await values())?.unit;
      const kept = path ? await readIfThere(join(from, 'etc', UNIT)) : undefined;
      if (!path || kept === undefined || kept === (await readIfThere(path))) return;
      await writeAtomic(path, kept, 0o644);
      await reload();
    },
    async bringScripts(version) {
      const known = await values();
      if (!known) return;
      for (const name of SCRIPTS) {
        const path = join(installation.base, name);
        const text = await fill(version, name, known);
        if (text !== undefined && text !== (await readIfThere(path))) await writeAtomic(path, text, 0o755);
      }
    },
  };
}

type Values = Readonly<Record<string, string>> & { readonly unit?: string };

/** As install.sh fills it; undefined: the version has none, or it asks for what was not recorded on this host. */
async function fill(version: string, name: string, values: Values): Promise<string | undefined> {
  const template = await readIfThere(join(version, 'share', name));
  const text = template?.replace(/@([A-Z]+)@/g, (all, key: string) => values[key.toLowerCase()] ?? all);
  return text === undefined || /@[A-Z]+@/.test(text) ? undefined : text;
}

async function reloadUnit(): Promise<void> {
  await run('systemctl', ['daemon-reload']);
  const { stdout } = await run('systemctl', ['show', '-P', 'LoadState', UNIT]);
  if (stdout.trim() !== 'loaded') throw new Error(`its state is ${stdout.trim()}`);
}
