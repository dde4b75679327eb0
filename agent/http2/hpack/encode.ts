import { STATIC_TABLE } from './static-table.ts';

export type Header = readonly [name: string, value: string];

/** A header block, encoded once and sent as often as one likes. */
export interface HeaderBlock {
  readonly bytes: Buffer;
}

const INDEX_OF_NAME = new Map([...STATIC_TABLE.entries()].reverse().map(([index, { name }]) => [name, index + 1]));
const INDEX_OF_FIELD = new Map(STATIC_TABLE.map(({ name, value }, index) => [`${name}\0${value}`, index + 1]));

/**
 * Encodes without a dynamic table of our own, so that a block is the same on every connection and at any time: what a server of few
 * and short headers answers is then a constant. Values are one character a byte.
 */
export function headerBlock(headers: readonly Header[]): HeaderBlock {
  return { bytes: Buffer.concat(headers.flatMap(encodeField)) };
}

function encodeField([name, value]: Header): Buffer[] {
  const whole = INDEX_OF_FIELD.get(`${name}\0${value}`);
  if (whole !== undefined) return [integer(7, 0x80, whole)];
  const index = INDEX_OF_NAME.get(name) ?? 0;
  return [integer(4, 0, index), ...(index === 0 ? string(name) : []), ...string(value)];
}

function string(text: string): Buffer[] {
  return [integer(7, 0, text.length), Buffer.from(text, 'latin1')];
}

function integer(prefix: number, flags: number, value: number): Buffer {
  const mask = (1 << prefix) - 1;
  if (value < mask) return Buffer.from([flags | value]);
  const bytes = [flags | mask];
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
