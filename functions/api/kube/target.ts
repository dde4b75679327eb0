import { type KindDefinition, kindByPlural } from '../../../core/resources/kinds/index.ts';

/** What a URL below /api/v1 or /apis/<group>/<version> is about. */
export interface Target {
  readonly definition: KindDefinition;
  /** Undefined: a cluster-scoped kind, or all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined: the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Undefined if there is no such path. */
export function parseTarget(group: string, version: string, path: string): Target | undefined {
  const segments = path.split('/');
  if (segments.at(-1) === '') segments.pop();
  if (segments.some((segment) => segment === '')) return undefined;
  const inNamespace = segments[0] === 'namespaces' && segments.length >= 3 && !NAMESPACE_SUBRESOURCES.has(segments[2]!);
  const namespace = inNamespace ? segments[1] : undefined;
  const [plural, name, subresource, ...more] = inNamespace ? segments.slice(2) : segments;
  if (plural === undefined || more.length > 0) return undefined;
  const definition = kindByPlural(group, version, plural);
  if (!definition) return undefined;
  // A namespaced object is always named with its namespace; a cluster-scoped one never.
  if (definition.namespaced ? namespace === undefined && name !== undefined : namespace !== undefined) return undefined;
  return { definition, namespace, name, subresource };
}

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);
