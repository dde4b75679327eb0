import { buildArgv, runCLI } from 'jest';

/**
 * Jest, and then the end of this process: a test that failed half-way may leave a server listening, and the verdict doesn't wait for it.
 * (`--forceExit` does the same, but tells at each run that something may be wrong.)
 */
const root = new URL('../..', import.meta.url).pathname;
const { results } = await runCLI(await buildArgv(process.argv.slice(2)), [root]);
process.exit(results.success ? 0 : 1);
