import { CODE, EtcdError } from '../errors.ts';

const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Parses JSON, keeping integers beyond 2^53 (lease ids are 63 random bits) as strings. Throws EtcdError. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(STRING_OR_LONG_INTEGER, (token) => (token.startsWith('"') ? token : `"${token}"`)));
  } catch (error) {
    throw new EtcdError(CODE.invalidArgument, `the body is not valid JSON: ${(error as Error).message}`);
  }
}

/** The values of a body that holds several JSON objects, one after the other: a stream of requests. */
export function parseJsonStream(text: string): unknown[] {
  const values: unknown[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') depth++;
    else if (token === '}') depth--;
    if (depth !== 0 || token !== '}') continue;
    values.push(parseJson(text.slice(from, index + 1)));
    from = index + 1;
  }
  const rest = text.slice(from).trim();
  if (rest !== '') values.push(parseJson(rest));
  return values;
}
