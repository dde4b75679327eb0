import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { stringify as toYaml } from 'yaml';
import { apiVersionOf } from '../../../core/resources/kinds/index.ts';
import type { AnyResource } from '../../../core/resources/schema/kinds.ts';
import { badRequest, type Status, type StatusDetails } from '../../../core/resources/status.ts';
import { partialMetadata, type TableOptions, toTable } from '../../../core/resources/table.ts';
import { negotiate } from './accept.ts';
import type { KubeRequest } from './deps.ts';

/** Answers with one object, in the representation that the client asked for. */
export function respondObject(request: KubeRequest, object: AnyResource, status: ContentfulStatusCode = 200): Response {
  const { c, target, deps } = request;
  const wanted = negotiate(c.req.header('accept'));
  if (wanted.as === 'table') {
    const { resourceVersion } = object.metadata;
    const options = { nowMs: deps.clock.now(), resourceVersion, apiVersion: wanted.metaVersion, ...includeObject(request) };
    return c.json(toTable(target.definition, [object], options), status);
  }
  if (wanted.as === 'metadata') return c.json(partialMetadata(object, wanted.metaVersion), status);
  return respondPlain(request, object, status);
}

/** Answers with a list at a revision. */
export function respondList(request: KubeRequest, objects: readonly AnyResource[], revision: number): Response {
  const { c, target, deps } = request;
  const wanted = negotiate(c.req.header('accept'));
  const resourceVersion = String(revision);
  if (wanted.as === 'table') {
    const options = { nowMs: deps.clock.now(), resourceVersion, apiVersion: wanted.metaVersion, ...includeObject(request) };
    return c.json(toTable(target.definition, objects, options));
  }
  if (wanted.as === 'metadata') {
    const items = objects.map((object) => partialMetadata(object, wanted.metaVersion));
    return c.json({ kind: 'PartialObjectMetadataList', apiVersion: wanted.metaVersion, metadata: { resourceVersion }, items });
  }
  const { kind } = target.definition;
  return respondPlain(request, {
    kind: `${kind}List`,
    apiVersion: apiVersionOf(target.definition),
    metadata: { resourceVersion },
    items: objects,
  });
}

/** Answers with something that has no columns. */
export function respondPlain({ c }: Pick<KubeRequest, 'c'>, value: object, status: ContentfulStatusCode = 200): Response {
  if (!negotiate(c.req.header('accept')).yaml) return c.json(value, status);
  return c.body(toYaml(value), status, { 'content-type': 'application/yaml' });
}

export function success(details: StatusDetails, code = 200): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code };
}

export function includeObject({ c }: Pick<KubeRequest, 'c'>): Pick<TableOptions, 'includeObject'> {
  const value = c.req.query('includeObject') || 'Metadata';
  if (value !== 'None' && value !== 'Metadata' && value !== 'Object')
    throw badRequest(`includeObject: unsupported value "${value.slice(0, 40)}": supported values: "None", "Metadata", "Object"`);
  return { includeObject: value };
}
