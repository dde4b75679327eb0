import type { Key, KeyValue, Revision } from '../../keyspace/types.ts';
import type { KeyRange } from '../requests.ts';

/**
 * Where nodes of the v2 API are among the v3 keys (docs/decisions/0014): below one prefix, a file at its path, a directory at its path
 * and a slash, so that whatever is in a directory is one range. Values begin with a line of what v3 doesn't know of a node:
 * `<createdIndex>;<modifiedIndex>;<expiration, ms>`; 0 = as v3 says, or none.
 */
const ROOT = '_etcd2';

/** What was done, and to which node: put by each change of a node, together with it. Lies before all nodes. */
export const ACTION_KEY: Key = ROOT;

/** Action and all nodes. */
export const EVERYTHING: KeyRange = { key: ROOT, rangeEnd: `${ROOT}0` };

export interface Meta {
  readonly createdIndex: Revision;
  readonly modifiedIndex: Revision;
  /** ms since the epoch; 0: never. */
  readonly expiresAt: number;
}

export interface StoredNode extends Meta {
  /** '/a/b'; '/' is the root. */
  readonly path: string;
  readonly dir: boolean;
  /** UTF-8; '' for a directory. */
  readonly value: string;
  readonly lease: bigint;
  /** v3's revision of the key, to compare with. */
  readonly modRevision: Revision;
}

/** `path`: absolute, clean, text. Not for the root. */
export function fileKey(path: string): Key {
  return ROOT + binary(path);
}

/** Of the root, too: everything is in it. */
export function dirKey(path: string): Key {
  return path === '/' ? `${ROOT}/` : `${ROOT}${binary(path)}/`;
}

/** The directory and what is in it. */
export function treeRange(path: string): KeyRange {
  const key = dirKey(path);
  return { key, rangeEnd: `${key.slice(0, -1)}0` };
}

/** What is in the directory. */
export function contentRange(path: string): KeyRange {
  const { key, rangeEnd } = treeRange(path);
  return { key: `${key}\0`, rangeEnd };
}

/** '/a/b/c' -> ['/a', '/a/b'] */
export function ancestorsOf(path: string): string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

/** Undefined for a key that is no node. */
export function nodeOf(kv: KeyValue): StoredNode | undefined {
  if (!kv.key.startsWith(`${ROOT}/`)) return undefined;
  const dir = kv.key.endsWith('/');
  const path = text(kv.key.slice(ROOT.length, dir ? -1 : undefined)) || '/';
  const { meta, value } = readValue(kv.value);
  return {
    path,
    dir,
    value: dir ? '' : value,
    lease: kv.lease,
    modRevision: kv.modRevision,
    // A deletion has no value, and is what happened last.
    createdIndex: meta.createdIndex || kv.modRevision,
    modifiedIndex: meta.modifiedIndex || kv.modRevision,
    expiresAt: meta.expiresAt,
  };
}

export function valueOf(value: string, meta: Partial<Meta> = {}): Uint8Array {
  const { createdIndex = 0, modifiedIndex = 0, expiresAt = 0 } = meta;
  return Buffer.from(`${createdIndex};${modifiedIndex};${expiresAt}\n${value}`, 'utf8');
}

export interface Action {
  readonly action: string;
  readonly path: string;
  /** Watchers aren't told. */
  readonly silent?: boolean;
}

export function actionValue(action: Action): Uint8Array {
  return Buffer.from(JSON.stringify(action), 'utf8');
}

export function actionOf(kv: KeyValue): Action | undefined {
  try {
    return JSON.parse(Buffer.from(kv.value).toString('utf8')) as Action;
  } catch {
    return undefined;
  }
}

function readValue(bytes: Uint8Array): { meta: Meta; value: string } {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.indexOf(10);
  const [createdIndex = 0, modifiedIndex = 0, expiresAt = 0] = all
    .toString('latin1', 0, Math.max(end, 0))
    .split(';')
    .map((part) => Number(part) || 0);
  return { meta: { createdIndex, modifiedIndex, expiresAt }, value: all.toString('utf8', end + 1) };
}

function binary(path: string): Key {
  return Buffer.from(path, 'utf8').toString('latin1');
}

function text(key: Key): string {
  return Buffer.from(key, 'latin1').toString('utf8');
}
