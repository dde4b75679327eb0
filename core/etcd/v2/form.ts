import { V2Error } from './errors.ts';

/**
 * A query or form as Go reads it (net/url, ParseQuery), in which an escape that is none, or a semicolon, is an error rather than meant as it stands:
 * a value that got damaged on its way isn't stored. Throws V2Error.
 */
export function readForm(text: string): URLSearchParams {
  for (const part of text.split('&')) {
    if (part.includes(';')) throw new V2Error('invalidForm', 'invalid semicolon separator in query');
    const equals = part.indexOf('=');
    for (const each of equals < 0 ? [part] : [part.slice(0, equals), part.slice(equals + 1)]) {
      const at = each.search(/%(?![0-9A-Fa-f]{2})/);
      if (at >= 0) throw new V2Error('invalidForm', `invalid URL escape ${JSON.stringify(each.slice(at, at + 3))}`);
    }
  }
  return new URLSearchParams(text);
}
