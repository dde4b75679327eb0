/**
 * A data directory says in this file which generation of our files it holds: one number. A program that meets a newer one than it knows
 * leaves the directory alone, because it would read part of what is there, and write over the rest. A directory without the file is of
 * the generation before the number was written down, which is 1.
 */
export const FORMAT_FILE = 'format';

export const formatText = (format: number): string => `${format}\n`;

export interface FormatProblem {
  readonly because: 'newer' | 'damaged';
  /** What is wrong, as a sentence without its full stop. What to do about it depends on the program. */
  readonly message: string;
}

/** Why a program that knows the formats up to `known` can't use the directory whose format file says `text`; undefined if it can. */
export function formatProblem(directory: string, text: string, known: number): FormatProblem | undefined {
  if (!/^[1-9]\d{0,8}\n?$/.test(text)) {
    return {
      because: 'damaged',
      message: `${directory}/${FORMAT_FILE} is damaged: it should hold the number of the data's format`,
    };
  }
  const format = Number(text);
  if (format <= known) return undefined;
  return {
    because: 'newer',
    message: `the data directory ${directory} was written by a newer Terrane: its format is ${format}, and this program knows ${known === 1 ? 'format 1 only' : `formats up to ${known}`}; nothing in it was changed`,
  };
}
