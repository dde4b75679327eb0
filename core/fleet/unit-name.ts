/** Names of units: what is allowed, templates and instances, and the specifiers that stand for parts of a name. systemd.unit(5); limits: fleet's. */

/** fleet takes one more, which no systemd does. */
const MOST_CHARACTERS = 255;
const TYPES = new Set([
  'service',
  'socket',
  'busname',
  'target',
  'snapshot',
  'device',
  'mount',
  'automount',
  'swap',
  'timer',
  'path',
  'slice',
  'scope',
]);
const TEMPLATE_TYPES = new Set(['path', 'service', 'socket', 'target', 'timer']);
const ALLOWED = /^[A-Za-z0-9:_.\\@-]$/;

/** What is wrong with the name, as a sentence; undefined = nothing. */
export function unitNameProblem(name: string): string | undefined {
  if (name === '') return 'unit name cannot be empty';
  if (name.length > MOST_CHARACTERS) return `unit name exceeds maximum length (${MOST_CHARACTERS})`;
  const dot = name.lastIndexOf('.');
  if (dot < 0) return 'unit name must contain "."';
  if (dot === name.length - 1) return 'unit name cannot end in "."';
  const type = name.slice(dot + 1);
  if (!TYPES.has(type)) return `invalid unit type: "${type}"`;
  if (dot === 0) return 'unit name cannot start in "."';
  if (name.startsWith('@')) return 'unit name cannot start in "@"';
  const wrong = Array.from(name.slice(0, dot)).find((character) => !ALLOWED.test(character));
  if (wrong !== undefined) return `invalid character '${wrong}' in unit name`;
  if (name.includes('@') && !TEMPLATE_TYPES.has(type)) return `a unit of type "${type}" can be no template: leave out the "@"`;
  return undefined;
}

/** Does the name end in a type of units? What comes after its last dot may be part of a name that leaves the type out. */
export function hasUnitType(name: string): boolean {
  return TYPES.has(name.slice(name.lastIndexOf('.') + 1)) && name.includes('.');
}

export interface UnitName {
  readonly full: string;
  /** Without the type. */
  readonly name: string;
  /** Before the @, or all of `name`. */
  readonly prefix: string;
  /** After the @: '' in a template, undefined if there is no @. */
  readonly instance: string | undefined;
  /** Of an instance: the name of its template. */
  readonly template: string | undefined;
}

export function parseUnitName(full: string): UnitName {
  const dot = full.lastIndexOf('.');
  const name = dot < 0 ? full : full.slice(0, dot);
  const at = name.indexOf('@');
  if (at < 0) return { full, name, prefix: name, instance: undefined, template: undefined };
  const instance = name.slice(at + 1);
  const prefix = name.slice(0, at);
  return { full, name, prefix, instance, template: instance === '' ? undefined : `${prefix}@${full.slice(dot)}` };
}

export function isTemplate(full: string): boolean {
  return parseUnitName(full).instance === '';
}

/** Replaces %n (the whole name), %N (without type), %p (before the @) and %i (after it). Others stay as they are. */
export function resolveSpecifiers(text: string, { full, name, prefix, instance }: UnitName): string {
  const values: Readonly<Record<string, string>> = { n: full, N: name, p: prefix, i: instance ?? '' };
  return text.replace(/%([nNpi])/g, (_, letter: string) => values[letter]!);
}
