import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FORMAT_FILE, type FormatProblem, formatProblem, formatText } from '../../core/data-format.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import { AgentError } from '../options.ts';
import { writeAtomic } from './atomic-file.ts';

/**
 * Of the agent's data directory. An upgrade that fails goes back to the version before by itself, which must then be able to start: a
 * version that needs another number may write it only once it has been found good. (State that can be had again, the pods' memory and the
 * copy of the key-value store, has versions of its own, and is set aside when it isn't known.)
 */
const AGENT_FORMAT = 1;

const WHAT_TO_DO: Record<FormatProblem['because'], string> = {
  newer: 'Install the newer agent again: run a join line of a control plane that has it',
  damaged: 'Restore the file, or start with a new data directory and join again',
};

/** Throws AgentError, with nothing changed, if this agent can't use the directory; otherwise the directory says from now on what it is. */
export async function checkDataFormat(directory: string, log: Logger): Promise<void> {
  const path = join(directory, FORMAT_FILE);
  let text: string | undefined;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const problem = text === undefined ? undefined : formatProblem(directory, text, AGENT_FORMAT);
  if (problem !== undefined) throw new AgentError(problem.message, WHAT_TO_DO[problem.because], `data_${problem.because}`);
  if (text === formatText(AGENT_FORMAT)) return;
  try {
    await writeAtomic(path, formatText(AGENT_FORMAT));
  } catch (error) {
    // A disk that is full stops no agent: the next start writes it.
    log.warn("the data's format could not be written down", { file: path, reason: messageOf(error) });
  }
}
