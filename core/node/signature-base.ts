import { sign, verify, type KeyObject } from 'node:crypto';

/** RFC 9421 without a profile: fields parsed and written, the signature base built, Ed25519 applied. */

/** The parts of a request that a signature can cover. */
export interface SignedMessage {
  readonly method: string;
  /** Absolute; only its path and query are looked at. */
  readonly url: string;
  /** What the client sent as Host: behind a proxy the URL's host isn't it. */
  readonly authority: string;
  /** Lower-case field name -> value; undefined if the message has no such field. */
  field(name: string): string | undefined;
}

/** One member of a Signature-Input field. */
export interface SignatureInput {
  readonly label: string;
  readonly components: readonly string[];
  readonly params: Readonly<Record<string, string | number>>;
  /** The member's value as received: it is signed as it stands. */
  readonly raw: string;
}

/** The text to be signed (RFC 9421 section 2.5), or undefined if the message lacks a component or we don't know it. */
export function signatureBase(message: SignedMessage, components: readonly string[], rawParams: string): string | undefined {
  const lines: string[] = [];
  for (const name of components) {
    const value = componentValue(message, name);
    if (value === undefined) return undefined;
    lines.push(`"${name}": ${value}`);
  }
  lines.push(`"@signature-params": ${rawParams}`);
  return lines.join('\n');
}

function componentValue(message: SignedMessage, name: string): string | undefined {
  switch (name) {
    case '@method':
      return message.method.toUpperCase();
    case '@authority':
      return message.authority.toLowerCase();
    case '@path':
      return new URL(message.url).pathname;
    case '@query':
      return new URL(message.url).search || '?';
    default:
      return name.startsWith('@') ? undefined : message.field(name)?.trim();
  }
}

/** The inner list with parameters, e.g. `("@method" "@path");created=1;keyid="k"`. */
export function signatureParams(components: readonly string[], params: Readonly<Record<string, string | number>>): string {
  const list = components.map((name) => `"${name}"`).join(' ');
  const tail = Object.entries(params).map(([key, value]) => `;${key}=${typeof value === 'number' ? value : `"${value}"`}`);
  return `(${list})${tail.join('')}`;
}

export function signBase(base: string, privateKey: KeyObject): string {
  return sign(null, Buffer.from(base), privateKey).toString('base64');
}

export function verifyBase(base: string, signature: string, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(base), publicKey, Buffer.from(signature, 'base64'));
}

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const STRING = /"([\x20\x21\x23-\x5b\x5d-\x7e]*)"/y;
const INTEGER = /-?\d{1,15}/y;
const BYTES = /:([A-Za-z0-9+/]*={0,2}):/y;
const SEPARATOR = /[ \t]*,[ \t]*/y;

/** The members of a Signature-Input field, or undefined if it isn't one. Escapes in strings and item parameters aren't supported. */
export function parseSignatureInput(text: string): SignatureInput[] | undefined {
  const read = reader(text);
  const inputs: SignatureInput[] = [];
  do {
    const label = read.match(KEY)?.[0];
    if (!label || !read.literal('=')) return undefined;
    const start = read.position();
    const components = readList(read);
    const params = components && readParams(read);
    if (!params) return undefined;
    inputs.push({ label, components, params, raw: text.slice(start, read.position()) });
  } while (read.match(SEPARATOR));
  return read.done() ? inputs : undefined;
}

/** A dictionary of byte sequences (Signature, Content-Digest): key -> base64. Undefined if it isn't one. */
export function parseBytesDictionary(text: string): Map<string, string> | undefined {
  const read = reader(text);
  const members = new Map<string, string>();
  do {
    const key = read.match(KEY)?.[0];
    const value = key && read.literal('=') ? read.match(BYTES)?.[1] : undefined;
    if (!key || value === undefined) return undefined;
    members.set(key, value);
  } while (read.match(SEPARATOR));
  return read.done() ? members : undefined;
}

type Reader = ReturnType<typeof reader>;

function reader(text: string) {
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const literal = (expected: string): boolean => {
    if (!text.startsWith(expected, at)) return false;
    at += expected.length;
    return true;
  };
  return { match, literal, position: () => at, done: () => at === text.length };
}

function readList(read: Reader): string[] | undefined {
  const items: string[] = [];
  if (!read.literal('(')) return undefined;
  while (!read.literal(')')) {
    if (read.literal(' ')) continue;
    const item = read.match(STRING)?.[1];
    if (item === undefined || items.includes(item)) return undefined;
    items.push(item);
  }
  return items;
}

function readParams(read: Reader): Record<string, string | number> | undefined {
  const params: Record<string, string | number> = {};
  while (read.literal(';')) {
    const key = read.match(KEY)?.[0];
    if (!key || key in params || !read.literal('=')) return undefined;
    const text = read.match(STRING)?.[1];
    const integer = text === undefined ? read.match(INTEGER)?.[0] : undefined;
    if (text !== undefined) params[key] = text;
    else if (integer !== undefined) params[key] = Number(integer);
    else return undefined;
  }
  return params;
}
