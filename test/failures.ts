import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** What Jest's `--json` report says of a file of tests, as far as it is read here. */
export interface FileReport {
  readonly name: string;
  /** Why the file couldn't be run at all, with every failure of its tests after it. */
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages?: readonly string[] | null;
  }[];
  readonly status: string;
}

export interface Failure {
  /** Path from the repository's top, then the test's full name; the path alone if the file couldn't be loaded. */
  readonly title: string;
  readonly message: string;
}

/** Every test that failed, and every file that has failed without one. */
export function failuresOf(files: readonly FileReport[], top: string): Failure[] {
  return files.flatMap(({ name, message, assertionResults, status }) => {
    const path = relative(top, name);
    const failed = assertionResults.filter((result) => result.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [{ title: path, message: message ?? '' }] : [];
    return failed.map(({ fullName, failureMessages }) => ({
      title: `${path} › ${fullName}`,
      message: (failureMessages ?? []).join('\n'),
    }));
  });
}

/** Characters of all messages together: what keeps a log's end keeps them whole. */
const BUDGET = 1500;
/** So little still holds the sentence that says what was expected. */
const LEAST = 160;

/**
 * The failures as they stand before a run's last line: logs of CI are kept by their end, so this is short. Each message loses its
 * colours, blank lines and stack (but for the first line of it that is ours), and is cut to its share of the budget.
 */
export function summary(failures: readonly Failure[]): string[] {
  if (failures.length === 0) return [];
  const share = Math.max(LEAST, Math.floor(BUDGET / failures.length));
  return ['failed:', ...failures.flatMap(({ title, message }) => [`  ${title}`, ...essence(message, share)])];
}

function essence(message: string, limit: number): string[] {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const place = lines.find((line) => /^\s+at /.test(line) && !/node_modules|node:/.test(line));
  const words = lines.filter((line) => !/^\s+at /.test(line)).join('\n');
  const kept = words.length > limit ? `${words.slice(0, limit)} […]` : words;
  return [...kept.split('\n'), ...(place === undefined ? [] : [place.trim()])]
    .filter((line) => line !== '')
    .map((line) => `    ${line}`);
}
