/**
 * Codes that a person copies from one screen to another (RFC 8628, 6.1): eight of twenty consonants, 34 bits; no vowels, so that they
 * spell nothing, and nothing that looks like something else.
 */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
const FORM = new RegExp(`^[${LETTERS}]{${LENGTH}}$`);

/** `random(n)` answers an integer below n. As `BCDF-GHJK`. */
export function newUserCode(random: (below: number) => number): string {
  const code = Array.from({ length: LENGTH }, () => LETTERS[random(LETTERS.length)]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** As people type it: in any case, with or without the dash. Undefined if it can't be one. */
export function parseUserCode(text: string): string | undefined {
  const letters = text.slice(0, 64).toUpperCase().replace(/[\s-]/g, '');
  return FORM.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined;
}
