import type { LabelSelector } from './schema/meta.ts';

/** Label and field selectors: parsed once, matched often. */

export type Labels = Readonly<Record<string, string>> | undefined;
export type Requirement =
  | { readonly key: string; readonly operator: 'In' | 'NotIn'; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: 'Exists' | 'DoesNotExist' }
  /** Of whole numbers; undefined = not one: nothing is more or less than that. */
  | { readonly key: string; readonly operator: 'Gt' | 'Lt'; readonly value: bigint | undefined };

function satisfies(labels: Labels, requirement: Requirement): boolean {
  const value = labels && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isMore(wholeNumber(value), requirement.value);
    case 'Lt':
      return isMore(requirement.value, wholeNumber(value));
  }
}

/** undefined = it isn't one. Labels may hold serial numbers that are exact only as such. */
export function wholeNumber(text: string | undefined): bigint | undefined {
  return text !== undefined && /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

const isMore = (a: bigint | undefined, b: bigint | undefined) => a !== undefined && b !== undefined && a > b;

export function matchRequirements(labels: Labels, requirements: readonly Requirement[]): boolean {
  return requirements.every((requirement) => satisfies(labels, requirement));
}

/** True if `labels` fit a resource's `selector`. An undefined selector matches nothing, an empty one everything (Kubernetes' rule). */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (!labels || !Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) =>
    satisfies(labels, { key, operator, values: values ?? [] } as Requirement),
  );
}

/**
 * Parses the text form: `a=b,c!=d,e in (f,g),!h,i>1`. Throws SyntaxError with a sentence for the user.
 */
export function parseLabelSelector(text: string): Requirement[] {
  return splitTopLevel(text).map(parseRequirement);
}

/** Commas inside parentheses belong to a set. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === undefined || (character === ',' && depth === 0)) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return text.trim() === '' ? [] : parts;
}

const KEY = '[A-Za-z0-9][-A-Za-z0-9_./]*';
const VALUE = '[-A-Za-z0-9_.]*';
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const COMPARE = new RegExp(`^(${KEY})\\s*(==|=|!=|>|<)\\s*(${VALUE})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

function parseRequirement(part: string): Requirement {
  const exists = EXISTS.exec(part);
  if (exists) return { key: exists[2]!, operator: exists[1] ? 'DoesNotExist' : 'Exists' };
  const set = SET.exec(part);
  if (set) {
    const values = set[3]!.split(',').map((value) => value.trim());
    const wrong = values.find((value) => !new RegExp(`^${VALUE}$`).test(value));
    if (wrong !== undefined) throw new SyntaxError(`unable to parse requirement "${part}": "${wrong}" is not a label value`);
    return { key: set[1]!, operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const compare = COMPARE.exec(part);
  if (!compare)
    throw new SyntaxError(`unable to parse requirement "${part}": expected forms like a=b, a!=b, a in (b,c), a or !a`);
  const [, key, operator, value] = compare;
  if (operator === '>' || operator === '<') {
    const number = wholeNumber(value);
    if (number === undefined) throw new SyntaxError(`unable to parse requirement "${part}": ${operator} needs a whole number`);
    return { key: key!, operator: operator === '>' ? 'Gt' : 'Lt', value: number };
  }
  return { key: key!, operator: operator === '!=' ? 'NotIn' : 'In', values: [value!] };
}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Parses `metadata.name=a,status.phase!=Running`. `\` escapes `,`, `=` and itself. Throws SyntaxError with a sentence for the user. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.trim() === '') return [];
  return text.split(/(?<!\\),/).map((part) => {
    const match = /^\s*([^=!]+?)\s*(!=|==|=)\s*(.*?)\s*$/.exec(part);
    if (!match) throw new SyntaxError(`invalid field selector "${part}": expected field=value or field!=value`);
    return {
      field: match[1]!,
      operator: match[2] === '!=' ? '!=' : '=',
      value: match[3]!.replace(/\\([\\,=])/g, '$1'),
    };
  });
}
