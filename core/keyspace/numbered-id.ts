/**
 * Request ids as a text and a number behind it: those of a host's calls differ in the number alone, and follow each other.
 */

/** Longer numbers at the end of an id aren't exact. */
const DIGITS_MAX = 15;

/** Where the decimal number at the id's end begins; its length: there is none. Text and number put together are the id again. */
export function numberStart(id: string): number {
  let at = id.length;
  const least = Math.max(0, id.length - DIGITS_MAX);
  while (at > least && isDigit(id.charCodeAt(at - 1))) at--;
  // A zero in front would be lost.
  while (at < id.length - 1 && id[at] === '0') at++;
  return at;
}

/** The number that makes up the rest of the id; -1: the rest isn't one, or written in another way. */
export function numberAt(id: string, from: number): number {
  const digits = id.length - from;
  if (digits < 1 || digits > DIGITS_MAX || (digits > 1 && id.charCodeAt(from) === 0x30)) return -1;
  let number = 0;
  for (let at = from; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (!isDigit(code)) return -1;
    number = number * 10 + code - 0x30;
  }
  return number;
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
