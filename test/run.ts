import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMissing, ensurePackages } from '../bin/machine/packages.ts';
import { TEST_REQUIREMENTS } from './support/requirements.ts';

/**
 * `npm test [-- PATTERN...]`: sets the machine up, builds, runs the suites one after the other (test/README.md), and ends with
 * one line that counts all of them.
 */

const SUITES = ['unit', 'integration', 'e2e'] as const;

/**
 * Two files at a time, of every suite: what drives engines, hosts and servers mostly waits for them. More would starve them on a small
 * machine, where hosts that can't report in time are given up, as they should be.
 */
const WORKERS = 2;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function runSuite(suite: (typeof SUITES)[number], patterns: readonly string[], directory: string): Counts {
  const file = join(directory, `${suite}.json`);
  const args = [
    '--selectProjects',
    suite,
    `--maxWorkers=${WORKERS}`,
    `--testSequencer=${join(import.meta.dirname, 'support/long-first.js')}`,
    '--passWithNoTests',
    // A test that failed half-way may leave a server listening: the verdict doesn't wait for it.
    '--forceExit',
    '--json',
    `--outputFile=${file}`,
  ];
  const jest = join(import.meta.dirname, '../node_modules/jest/bin/jest.js');
  const result = spawnSync(process.execPath, ['--experimental-vm-modules', '--no-warnings', jest, ...args, ...patterns], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: join(import.meta.dirname, '..'),
  });
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Record<
      'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numRuntimeErrorTestSuites',
      number
    >;
    // A suite file that could not even be loaded holds tests that did not pass.
    const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
    return { passed: report.numPassedTests, failed: failed || (result.status === 0 ? 0 : 1), skipped: report.numPendingTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
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
    cwd: join(import.meta.dirname, '..'),
  });
  if (build.status !== 0) return 1;

  const directory = mkdtempSync(join(tmpdir(), 'terrane-test-'));
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of SUITES) {
    say(`suite ${suite}`);
    const counts = runSuite(suite, patterns, directory);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  rmSync(directory, { recursive: true, force: true });
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

process.exitCode = main();
