import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FORMAT_FILE, type FormatProblem, formatProblem, formatText } from '../core/data-format.ts';
import type { Logger } from '../core/ports/logger.ts';

/**
 * Of the embedded server's data directory. It goes up with each change that the version before would not understand: 1 is everything up
 * to log entries in files (docs/decisions/0022).
 */
const SERVER_FORMAT = 1;

const WHAT_TO_DO: Record<FormatProblem['because'], string> = {
  newer:
    'Start the newer server again; or, to go back, give this one the copy of the directory that was made before the upgrade (--data)',
  damaged: 'Restore the file from a backup of the directory',
};

/** Thrown when a newer server wrote the data directory, or its format can't be told. */
export class DataFormatError extends Error {
  override readonly name = 'DataFormatError';
}

/** Throws DataFormatError, with nothing changed, if this server can't use the directory; otherwise the directory says from now on what it is. */
export function checkDataFormat(directory: string, log: Logger): void {
  const path = join(directory, FORMAT_FILE);
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const problem = text === undefined ? undefined : formatProblem(directory, text, SERVER_FORMAT);
  if (problem !== undefined) throw new DataFormatError(`${problem.message}. ${WHAT_TO_DO[problem.because]}`);
  if (text === formatText(SERVER_FORMAT)) return;
  try {
    writeWhole(path, formatText(SERVER_FORMAT));
  } catch (error) {
    // A disk that is full, say: what serves its data today goes on, and the next start writes it.
    log.warn("the data's format could not be written down", { file: path, error });
  }
}

/** Or not at all: half a number would be another one. */
function writeWhole(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
