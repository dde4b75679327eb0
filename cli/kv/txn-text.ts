import { usageError } from '../errors.ts';
import { encode, keyRange } from './keys.ts';

/**
 * A transaction as etcdctl reads it: lines of comparisons, an empty line, lines of requests if they hold, an empty line, lines of requests
 * if they don't.
 *
 * @example
 * mod("a") = "3"
 *
 * put a "new value"
 *
 * get a
 */
export function parseTxn(text: string): { compare: object[]; success: object[]; failure: object[] } {
  const parts: string[][] = [[]];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') parts.push([]);
    else parts.at(-1)!.push(line);
  }
  const [compare = [], success = [], failure = []] = parts;
  return { compare: compare.map(comparison), success: success.map(operation), failure: failure.map(operation) };
}

const COMPARISON = /^(\w+)\((.*)\)\s*(=|!=|<|>)\s*(.*)$/;
const RESULT: Readonly<Record<string, string>> = { '=': 'EQUAL', '!=': 'NOT_EQUAL', '<': 'LESS', '>': 'GREATER' };
const TARGET: Readonly<Record<string, readonly [target: string, field: string]>> = {
  ver: ['VERSION', 'version'],
  version: ['VERSION', 'version'],
  c: ['CREATE', 'create_revision'],
  create: ['CREATE', 'create_revision'],
  m: ['MOD', 'mod_revision'],
  mod: ['MOD', 'mod_revision'],
  val: ['VALUE', 'value'],
  value: ['VALUE', 'value'],
  lease: ['LEASE', 'lease'],
};

function comparison(line: string): object {
  const [, name = '', key = '', sign = '', value = ''] = COMPARISON.exec(line) ?? [];
  const [target, field] = TARGET[name] ?? [];
  if (!target || !field) {
    throw usageError(
      `not a comparison: ${line}`,
      'It looks like mod("key") = "3", value("key") = "text", create("key") > "0", version("key") < "2"',
    );
  }
  const [keyText = ''] = words(key);
  const [wanted = ''] = words(value);
  return {
    key: encode(keyText),
    target,
    result: RESULT[sign],
    [field]: field === 'value' ? encode(wanted) : whole(wanted, line),
  };
}

function whole(text: string, line: string): string {
  if (!/^-?\d+$/.test(text)) throw usageError(`not a number: ${text} (in: ${line})`);
  return text;
}

function operation(line: string): object {
  const all = words(line);
  const [name, ...rest] = all;
  const flags = new Set(rest.filter((word) => word.startsWith('--')));
  const [key, second] = rest.filter((word) => !word.startsWith('--'));
  if (key === undefined) throw usageError(`not a request: ${line}`, 'It looks like: get KEY, put KEY VALUE, del KEY');
  const range = () => keyRange(key, second, { prefix: flags.has('--prefix'), fromKey: flags.has('--from-key') });
  if (name === 'get') return { request_range: range() };
  if (name === 'del') return { request_delete_range: range() };
  if (name === 'put' && second !== undefined) return { request_put: { key: encode(key), value: encode(second) } };
  throw usageError(`not a request: ${line}`, 'It looks like: get KEY, put KEY VALUE, del KEY');
}

/** Split at spaces; double quotes hold together, with \" \\ \n \t in them. */
function words(line: string): string[] {
  const found: string[] = [];
  const pattern = /"((?:[^"\\]|\\.)*)"|(\S+)/g;
  for (const [, quoted, bare] of line.matchAll(pattern)) {
    found.push(quoted === undefined ? bare! : quoted.replace(/\\(.)/g, (_, c: string) => ESCAPES[c] ?? c));
  }
  return found;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
