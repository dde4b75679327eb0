import { buildArgv, runCLI } from 'jest';

/**
 * Jest, and then the end of this process: a test that failed half-way may leave a server listening, and the verdict doesn't wait for it.
 * (`--forceExit` does the same, but tells at each run that something may be wrong.)
 */
// As Jest's own command does. Libraries ask for it, and what aws-cdk-lib does without it ends in an endless recursion with Jest's clean-up of globals.
process.env.NODE_ENV ??= 'test';
const root = new URL('../..', import.meta.url).pathname;
const { results } = await runCLI(await buildArgv(process.argv.slice(2)), [root]);
process.exit(results.success ? 0 : 1);
