import { stripVTControlCharacters, styleText } from 'node:util';
import type { Io, Output } from '../io.ts';

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

/** Coloured only on a terminal (or with CLICOLOR_FORCE), and not under NO_COLOR. Colour never says what the words don't. */
export function paint(output: Output, env: Io['env'], colour: Colour, text: string): string {
  return wantsColour(output, env) ? styleText(colour, text, { validateStream: false }) : text;
}

function wantsColour(output: Output, env: Io['env']): boolean {
  if (env.NO_COLOR) return false;
  if (env.CLICOLOR_FORCE && env.CLICOLOR_FORCE !== '0') return true;
  return output.isTerminal && env.TERM !== 'dumb';
}

/** Text from elsewhere (a resource's field, what a server answers) must not steer the terminal: of controls, only ends of lines and tabs stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '');
}
