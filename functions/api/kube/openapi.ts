import { fieldDescription } from '../../../core/resources/field-descriptions.ts';
import { type KindDefinition, kinds } from '../../../core/resources/kinds/index.ts';
import { type Field, fieldOf, type Shape } from '../../../core/resources/schema/shape.ts';
import { groupVersions, textOf } from './discovery.ts';

/**
 * OpenAPI v3, made from the kinds' own schemas: what kubectl reads for `explain`, for client-side merges, and to learn that the
 * server validates fields and knows dry runs.
 */

/** Content type of the (empty) OpenAPI v2 answer. Without the `@` of the registered name, which kubectl 1.20 can't parse. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** GET /openapi/v3. `base` is the path under which the cluster is served, e.g. /clusters/x: clients follow the URLs as they are. */
export function openApiIndex(base: string): object {
  const paths = groupVersions.map((gv) => {
    const path = `${gv.group === '' ? 'api' : 'apis'}/${textOf(gv)}`;
    return [path, { serverRelativeURL: `${base}/openapi/v3/${path}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** GET /openapi/v3/api/v1, /openapi/v3/apis/<group>/<version>. Undefined: no such version. */
export function openApiDocument(group: string, version: string): object | undefined {
  const gv = groupVersions.find((candidate) => candidate.group === group && candidate.version === version);
  if (!gv) return undefined;
  const own = kinds.filter((definition) => definition.group === group && definition.version === version);
  return {
    openapi: '3.0.0',
    info: { title: 'Terrane', version: 'v1' },
    paths: Object.fromEntries(own.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(own.flatMap(schemasOf)) },
  };
}

function gvkOf({ group, version, kind }: KindDefinition): object {
  return { group, kind, version };
}

function schemaName({ group, version, kind }: KindDefinition): string {
  return `dev.terrane.${group === '' ? 'core' : group}.${version}.${kind}`;
}

const query = (name: string, type: string, description: string) => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
});
const pathParameter = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });
const WRITE_PARAMETERS = [
  query('dryRun', 'string', 'All: everything happens but the write.'),
  query('fieldManager', 'string', 'Accepted and not stored.'),
  query(
    'fieldValidation',
    'string',
    'Strict (default): unknown fields are refused. Warn, Ignore: they are dropped, and named in warnings.',
  ),
];

function pathsOf(definition: KindDefinition): [string, object][] {
  const { group, version, plural, namespaced } = definition;
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
  const parameters = namespaced ? [pathParameter('namespace')] : [];
  const operation = (action: string, extra: object[] = []) => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(definition),
    ...(extra.length > 0 && { parameters: extra }),
    responses: {
      200: {
        description: 'OK',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(definition)}` } } },
      },
    },
  });
  const item = {
    get: operation('get'),
    put: operation('put', WRITE_PARAMETERS),
    patch: operation('patch', WRITE_PARAMETERS),
    delete: operation('delete', WRITE_PARAMETERS.slice(0, 1)),
  };
  return [
    ...(namespaced ? [[`${base}/${plural}`, { get: operation('list') }] satisfies [string, object]] : []),
    [collection, { get: operation('list'), post: operation('post', WRITE_PARAMETERS), parameters }],
    [`${collection}/{name}`, { ...item, parameters: [...parameters, pathParameter('name')] }],
  ];
}

function schemasOf(definition: KindDefinition): [string, object][] {
  const schema = {
    ...schemaOf(fieldOf(definition.schema), '', ''),
    description: definition.description,
    'x-kubernetes-group-version-kind': [gvkOf(definition)],
  };
  return [[schemaName(definition), schema]];
}

/** `parent` and `name`: where the field stands, by which its description is found. */
function schemaOf(field: Field, parent: string, name: string): object {
  const { patchMergeKey, merge, retainKeys } = field;
  const description = field.description ?? fieldDescription(parent, name);
  const strategy = [...(merge ? ['merge'] : []), ...(retainKeys ? ['retainKeys'] : [])].join(',');
  return {
    ...(description !== undefined && { description }),
    ...typeOf(field.shape, name),
    ...(patchMergeKey !== undefined && { 'x-kubernetes-patch-merge-key': patchMergeKey }),
    ...(strategy !== '' && { 'x-kubernetes-patch-strategy': strategy }),
  };
}

function typeOf(shape: Shape, parent: string): object {
  switch (shape.type) {
    case 'object': {
      const required = [...shape.fields].filter(([, field]) => field.required).map(([name]) => name);
      return {
        type: 'object',
        properties: Object.fromEntries([...shape.fields].map(([name, field]) => [name, schemaOf(field, parent, name)])),
        ...(required.length > 0 && { required }),
        ...(shape.open && { 'x-kubernetes-preserve-unknown-fields': true }),
      };
    }
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.value, parent, '') };
    case 'list':
      return { type: 'array', items: schemaOf(shape.element, parent, '') };
    case 'leaf':
      return leafType(shape);
  }
}

function leafType({ leaf, values }: Extract<Shape, { type: 'leaf' }>): object {
  if (leaf === 'any') return { 'x-kubernetes-preserve-unknown-fields': true };
  if (leaf === 'int-or-string') return { 'x-kubernetes-int-or-string': true, oneOf: [{ type: 'integer' }, { type: 'string' }] };
  return { type: leaf, ...(values && { enum: values }) };
}
