import { apiVersionOf } from '../../../../core/resources/kinds/index.ts';
import type { ReadableKind } from '../../../../core/resources/kinds/index.ts';
import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import { badRequest } from '../../../../core/resources/status.ts';
import { createResource } from '../../../../core/resources/write.ts';
import { quoted, readObject } from '../body.ts';
import { type KubeRequest, writeContext } from '../deps.ts';
import { transact } from '../dry-run.ts';
import { withoutUnknownFields } from '../field-validation.ts';
import { isDryRun } from '../query.ts';
import { respondObject } from '../respond.ts';
import { adviseOn } from '../warnings.ts';

export async function create(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { definition, namespace } = target;
  if (definition.namespaced && namespace === undefined)
    throw badRequest(`a ${definition.singular} is created in a namespace: POST to .../namespaces/<name>/${definition.plural}`);
  const body = await readObject(request);
  requireSameKind(definition, body);
  const object = withoutUnknownFields(request, definition, body);
  object.metadata = inNamespace(object.metadata, namespace);
  const dryRun = isDryRun(request);
  const ctx = writeContext(deps);
  const { result, revision } = await transact(keyspace, dryRun, (txn) => createResource(txn, definition.kind, object, ctx));
  adviseOn(c, definition, result);
  if (dryRun) result.metadata.resourceVersion = '';
  else {
    const { name } = result.metadata;
    deps.onWrite?.({
      principal: c.var.principal,
      cluster: c.var.cluster,
      verb: 'create',
      kind: definition.kind,
      namespace: namespace ?? '',
      name,
      revision,
    });
  }
  return respondObject(request, result, 201);
}

/** A body may leave out what the URL says, but not contradict it. */
export function requireSameKind(
  definition: Pick<ReadableKind, 'group' | 'version' | 'kind'>,
  body: Record<string, unknown>,
): void {
  const apiVersion = apiVersionOf(definition);
  if (body.apiVersion !== undefined && body.apiVersion !== apiVersion)
    throw badRequest(
      `the API version in the data (${quoted(body.apiVersion)}) does not match the expected API version (${apiVersion})`,
    );
  if (body.kind !== undefined && body.kind !== definition.kind)
    throw badRequest(`the kind in the data (${quoted(body.kind)}) does not match the expected kind (${definition.kind})`);
  body.apiVersion = apiVersion;
  body.kind = definition.kind;
}

export function inNamespace(metadata: unknown, namespace: string | undefined): unknown {
  if (metadata !== undefined && !isObject(metadata)) return metadata;
  const given = metadata?.namespace;
  if (given !== undefined && given !== '' && given !== (namespace ?? ''))
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const { namespace: _, ...rest } = metadata ?? {};
  return namespace === undefined ? rest : { ...rest, namespace };
}
