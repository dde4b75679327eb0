import { homedir } from 'node:os';
import { join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Where the command line keeps its contexts: TERRANE_CONFIG, else below XDG_CONFIG_HOME, else ~/.config. */
export function configPath(env: Env): string {
  return env.TERRANE_CONFIG || join(env.XDG_CONFIG_HOME || join(home(env), '.config'), 'terrane', 'config.json');
}

function home(env: Env): string {
  return env.HOME || homedir();
}
