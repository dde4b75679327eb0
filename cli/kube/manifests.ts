import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Document, isNode as IsNode, Tags } from 'yaml';
import { CliError, usageError } from '../errors.ts';
import type { Io } from '../io.ts';

/** An object as its author wrote it. */
export interface Manifest {
  readonly object: ManifestObject;
  /** `web.yaml, line 12, column 5` of a field such as `spec.template.spec.containers[0].image`, or of the nearest one that is there. */
  readonly locate: (field: string) => string;
}

export interface ManifestObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string>; [field: string]: unknown };
  [field: string]: unknown;
}

/** Reads files, directories (their *.yaml, *.yml and *.json) and `-`. Lists (`kind: List`) are taken apart. */
export async function readManifests(io: Io, paths: readonly string[], recursive: boolean): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of paths) {
    for (const source of await sources(io, path, recursive)) manifests.push(...(await parseManifests(source.name, source.text)));
  }
  if (manifests.length === 0) throw usageError(`nothing to do: no resources in ${paths.join(', ')}`);
  return manifests;
}

interface Source {
  readonly name: string;
  readonly text: string;
}

async function sources(io: Io, path: string, recursive: boolean): Promise<Source[]> {
  if (path === '-') return [{ name: '<stdin>', text: await io.input.readAll() }];
  try {
    if (!(await stat(path)).isDirectory()) return [{ name: path, text: await readFile(path, 'utf8') }];
    const names = (await readdir(path, { recursive })).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
    return await Promise.all(
      names.map(async (name) => ({ name: join(path, name), text: await readFile(join(path, name), 'utf8') })),
    );
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new CliError(code === 'ENOENT' ? `there is no file ${path}` : `can't read ${path}: ${message}`, { cause });
  }
}

/** Throws one error that names every mistake with file, line and column. */
export async function parseManifests(name: string, text: string): Promise<Manifest[]> {
  const { isNode, LineCounter, parseAllDocuments } = await import('../yaml.ts');
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}, line ${line}, column ${col}`;
  };
  const parsed = parseAllDocuments(text, { version: '1.1', customTags: kubernetesTags, lineCounter: lines, prettyErrors: false });
  const documents = Array.isArray(parsed) ? parsed : [];
  const problems: string[] = [];
  const manifests: Manifest[] = [];
  for (const document of documents) {
    problems.push(...document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`));
    if (document.errors.length > 0) continue;
    const value: unknown = document.toJS();
    if (value === null || value === undefined) continue;
    for (const { path, value: item } of itemsOf(value)) {
      const locate = (field: string) => at(offsetOf(document, [...path, ...fieldPath(field)], isNode));
      const problem = problemOf(item);
      if (problem) problems.push(`${locate('')}: ${problem}`);
      else manifests.push({ object: item as ManifestObject, locate });
    }
  }
  if (problems.length > 0) throw new CliError(problems.join('\n'), { code: 'malformed_manifest', fix: 'Nothing was changed.' });
  return manifests;
}

/** As Kubernetes reads YAML: 1.1 (`yes` is true, 0644 octal), but 22:22 is no number and dates stay text. */
function kubernetesTags(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME'));
}

function itemsOf(value: unknown): { path: readonly (string | number)[]; value: unknown }[] {
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items))
    return items.map((item: unknown, index) => ({ path: ['items', index], value: item }));
  return [{ path: [], value }];
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'expected an object with apiVersion, kind and metadata';
  const { apiVersion, kind, metadata } = value as { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown } | null };
  if (typeof apiVersion !== 'string' || !apiVersion) return 'apiVersion is missing';
  if (typeof kind !== 'string' || !kind) return 'kind is missing';
  if (typeof metadata?.name !== 'string' || !metadata.name) return 'metadata.name is missing';
  return undefined;
}

function fieldPath(field: string): (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) => (index === undefined ? name! : Number(index)));
}

/** Of the key rather than its value, which is where a person looks. */
function offsetOf(document: Document, path: readonly (string | number)[], isNode: typeof IsNode): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (!isNode(node) || !node.range) continue;
    const parent = document.getIn(path.slice(0, length - 1), true) as {
      items?: { key?: { value?: unknown; range?: [number, number, number] } }[];
    };
    const pair = parent?.items?.find((item) => item?.key?.value === path[length - 1]);
    return pair?.key?.range?.[0] ?? node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
