/**
 * systemd unit files as fleet reads and writes them: options in order, sections as they come. What is not understood is kept.
 * Syntax: systemd.syntax(7); limits: fleet's.
 */

export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

export class UnitFileError extends Error {
  override readonly name = 'UnitFileError';
}

/** Longer lines are refused: systemd before 229 could not read them. */
const MOST_LINE_BYTES = 2048;

/** Throws UnitFileError, naming the line. */
export function parseUnitFile(text: string): UnitOption[] {
  if (text.includes('\0')) throw new UnitFileError('a unit file can have no NUL character');
  const options: UnitOption[] = [];
  let section: string | undefined;
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const number = at + 1;
    const line = lines[at]!.trim();
    requireLength(lines[at]!, number);
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[')) {
      if (!line.endsWith(']') || line.length < 3)
        throw new UnitFileError(`line ${number}: unable to find end of section: write it as [Name], alone on its line`);
      section = line.slice(1, -1);
      continue;
    }
    const equals = line.indexOf('=');
    if (section === undefined) throw new UnitFileError(`line ${number}: an option needs a section before it, such as [Service]`);
    if (equals < 1) throw new UnitFileError(`line ${number}: expected an option such as Name=value`);
    let value = line.slice(equals + 1).trim();
    // A value goes on after a line that ends in a backslash; comments in between are not part of it.
    while (value.endsWith('\\') && at + 1 < lines.length) {
      at++;
      requireLength(lines[at]!, at + 1);
      const next = lines[at]!.trim();
      if (next.startsWith('#') || next.startsWith(';')) continue;
      value = `${value}\n${next}`;
    }
    options.push({ section, name: line.slice(0, equals).trim(), value });
  }
  return options;
}

/** The same of a text that was taken before the rules became stricter: nothing of what can't be read, rather than a unit that stops all others. */
export function readUnitFile(text: string): UnitOption[] {
  try {
    return parseUnitFile(text);
  } catch (error) {
    if (error instanceof UnitFileError) return [];
    throw error;
  }
}

function requireLength(line: string, number: number): void {
  if (new TextEncoder().encode(line).length > MOST_LINE_BYTES)
    throw new UnitFileError(`line ${number}: line too long (max ${MOST_LINE_BYTES} bytes)`);
}

/** The text that the unit's hash is made of: options of a section together, sections in the order in which they first come. */
export function serializeUnitFile(options: readonly UnitOption[]): string {
  const sections = new Map<string, UnitOption[]>();
  for (const option of options) {
    const list = sections.get(option.section);
    if (list) list.push(option);
    else sections.set(option.section, [option]);
  }
  return [...sections]
    .map(([name, list]) => `[${name}]\n${list.map((each) => `${each.name}=${each.value}\n`).join('')}`)
    .join('\n');
}
