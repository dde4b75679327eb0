import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Path of the dynoxide executable: `TERRANE_DYNOXIDE` if set, else the npm package for this machine
 * (`@dynoxide/linux-x64`, `@dynoxide/linux-arm64`). Throws with what to install if there is none.
 */
export function dynoxideBinary(): string {
  const chosen = process.env['TERRANE_DYNOXIDE'];
  if (chosen) return chosen;
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'dynoxide');
  } catch {
    throw new Error(
      `the embedded store has no executable for this machine: npm package ${name} is not installed. Run \`npm ci\` without --omit=optional, or set TERRANE_DYNOXIDE to a dynoxide executable`,
    );
  }
}
