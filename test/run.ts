import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMissing, ensurePackages } from '../bin/machine/packages.ts';
import { type Failure, type FileReport, failuresOf, summary } from './failures.ts';
import { TEST_REQUIREMENTS } from './support/requirements.ts';

/**
 * `npm test [-- PATTERN...]`: sets the machine up, builds, runs the suites one after the other (test/README.md), names what failed, and
 * ends with one line that counts all of them.
 */

const TOP = join(import.meta.dirname, '..');

const SUITES = ['unit', 'integration', 'e2e'] as const;

/**
 * Two files at a time, of every suite: what drives engines, hosts and servers mostly waits for them. More would starve them on a small
 * machine, where hosts that can't report in time are given up, as they should be.
 */
const WORKERS = 2;

/** Stories of whole clusters: more than in runs of some test files beside one's work. */
const SIM_SEEDS = '100';

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  failures: Failure[];
}

interface Report extends Record<'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numRuntimeErrorTestSuites', number> {
  readonly testResults: readonly FileReport[];
}

function runSuite(suite: (typeof SUITES)[number], patterns: readonly string[], directory: string): Outcome {
  const file = join(directory, `${suite}.json`);
  const args = [
    '--selectProjects',
    suite,
    `--maxWorkers=${WORKERS}`,
    `--testSequencer=${join(import.meta.dirname, 'support/long-first.js')}`,
    '--passWithNoTests',
    '--json',
    `--outputFile=${file}`,
  ];
  const runner = join(import.meta.dirname, 'support/run-suite.js');
  const result = spawnSync(process.execPath, ['--experimental-vm-modules', '--no-warnings', runner, ...args, ...patterns], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: TOP,
    env: { TERRANE_SIM_SEEDS: SIM_SEEDS, ...process.env },
  });
  const ending = `the suite ended with ${result.signal ?? `exit code ${result.status}`}`;
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: [{ title: suite, message: `${ending} and left no report` }] };
  }
  const failures = failuresOf(report.testResults, TOP);
  // A suite file that could not even be loaded holds tests that did not pass.
  let failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  if (failed === 0 && result.status !== 0) {
    failed = 1;
    failures.push({ title: suite, message: ending });
  }
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests, failures };
}

function main(): number {
  const patterns = process.argv.slice(2);
  const say = (line: string) => console.log(`# ${line}`);
  const missing = ensurePackages(TEST_REQUIREMENTS, say);
  if (missing.length > 0) {
    console.error(describeMissing(missing));
    return 1;
  }
  say('building');
  const build = spawnSync(process.execPath, ['--import', 'tsx', 'bin/build.ts'], {
    stdio: 'inherit',
    cwd: TOP,
  });
  if (build.status !== 0) return 1;

  const directory = mkdtempSync(join(tmpdir(), 'terrane-test-'));
  const total: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const suite of SUITES) {
    say(`suite ${suite}`);
    const outcome = runSuite(suite, patterns, directory);
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped;
    total.failures.push(...outcome.failures);
  }
  rmSync(directory, { recursive: true, force: true });
  for (const line of summary(total.failures)) console.log(line);
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

process.exitCode = main();
