import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../errors.ts';

/** A control plane and who we are there. */
export interface Context {
  readonly server: string;
  readonly caPem?: string;
  /** A session or API token: the reason for the file's mode. */
  readonly token?: string;
  readonly email?: string;
  readonly organisation?: string;
  /** The cluster that commands are about unless told otherwise. */
  readonly cluster?: { readonly id: string; readonly name: string };
}

export interface Config {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

const EMPTY: Config = { contexts: {} };

/** An absent file is an empty configuration. */
export async function readConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
    throw new CliError(`can't read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const config = JSON.parse(text) as Partial<Config>;
    if (typeof config.contexts !== 'object' || config.contexts === null) throw new Error('no contexts in it');
    return { ...config, contexts: config.contexts };
  } catch (cause) {
    throw new CliError(`${path} is damaged: ${(cause as Error).message}`, { fix: 'Remove it and log in again.', cause });
  }
}

/** Whole or not at all, readable by its owner only. */
export async function writeConfig(path: string, config: Config): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}.new`;
    await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (cause) {
    throw new CliError(`can't write ${path}: ${(cause as Error).message}`, {
      fix: 'Set TERRANE_CONFIG to a file that can be written.',
      cause,
    });
  }
}

/** The configuration with one context changed. The first one is the current one until told otherwise. */
export function withContext(config: Config, name: string, context: Context): Config {
  return { ...config, current: config.current ?? name, contexts: { ...config.contexts, [name]: context } };
}

/** Contexts are named after the server: `127.0.0.1:7480`. */
export function contextName(server: string): string {
  return new URL(server).host;
}
