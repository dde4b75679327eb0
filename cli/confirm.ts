import { cancelled, usageError } from './errors.ts';
import type { Io } from './io.ts';

/** Asks before something can't be undone. `yes` (--yes) answers for scripts; without a terminal nothing is assumed. */
export async function confirm(io: Io, question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!io.input.isTerminal)
    throw usageError(`${question} Standard input is no terminal to ask on.`, 'Add --yes if you are sure.');
  const answer = await io.input.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw cancelled();
}
