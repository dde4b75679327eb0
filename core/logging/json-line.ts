/**
 * A log record as one line of JSON, whatever is in it: nothing a client sent can end a line, start one or colour a screen. Never
 * throws: what can't be written as JSON is said to be so. What is undefined is left out.
 */
export function jsonLine(record: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${jsonText(value)}`);
  return `${visible(`{${parts.join(',')}}`)}\n`;
}

/** A text on one line: control and format characters (bidirectional overrides among them) as `\uXXXX`. */
export function visible(text: string): string {
  // JSON's own escaping leaves DEL, C1 controls, separators of lines and paragraphs, and format characters as they are.
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped);
}

/** By UTF-16 code units, as JSON counts. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

/** JSON of anything at all. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part)) ?? 'null';
  } catch (error) {
    return JSON.stringify(`(can not be logged: ${error instanceof Error ? error.message.split('\n')[0] : String(error)})`);
  }
}
