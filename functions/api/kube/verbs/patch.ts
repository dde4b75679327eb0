import { checkTypes } from '../../../../core/resources/decode.ts';
import { jsonPatch, mergePatch, strategicMerge } from '../../../../core/resources/patch/index.ts';
import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import type { AnyResource } from '../../../../core/resources/schema/kinds.ts';
import { type Field, fieldOf } from '../../../../core/resources/schema/shape.ts';
import { badRequest, notFound, StatusError } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import { contentType, PATCH_TYPES, readPatch, unsupported } from '../body.ts';
import type { KubeRequest } from '../deps.ts';
import { withoutUnknownFields } from '../field-validation.ts';
import { commitUpdate } from './commit-update.ts';
import { inNamespace, requireSameKind } from './create.ts';
import { requireSameName } from './replace.ts';

/** PATCH of an object or of its status. */
export async function patch(request: KubeRequest): Promise<Response> {
  const { definition, namespace, name } = request.target;
  const apply = await readPatchFunction(request, fieldOf(definition.schema));
  return commitUpdate(request, 'patch', (txn) => {
    const stored = getResource(txn, definition.kind, namespace ?? '', name!);
    if (!stored) throw notFound(definition, name!);
    const patched = apply(stored);
    if (!isObject(patched)) throw badRequest('the patch leaves no object');
    requireSameKind(definition, patched);
    request.c.header('warning', undefined);
    const object = withoutUnknownFields(request, definition, patched);
    object.metadata = inNamespace(object.metadata, namespace);
    requireSameName(object.metadata, name!);
    checkTypes(definition, object, name!);
    return object as unknown as AnyResource;
  });
}

/** Reads the body and returns what it does to an object. Throws UnsupportedMediaType for a type of patch that isn't known. */
export async function readPatchFunction(request: Pick<KubeRequest, 'c'>, field: Field): Promise<(target: unknown) => unknown> {
  const type = contentType(request);
  if (type === 'application/apply-patch+yaml' || type === 'application/apply-patch+cbor')
    throw new StatusError(
      'UnsupportedMediaType',
      'server-side apply is not supported yet: use "kubectl apply" without --server-side',
    );
  const accepted: string[] = Object.values(PATCH_TYPES);
  if (!accepted.includes(type)) throw unsupported(type, accepted);
  const body = await readPatch(request);
  if (type === PATCH_TYPES.json) return (target) => jsonPatch(target, body);
  if (!isObject(body)) throw badRequest('the patch must be an object');
  return type === PATCH_TYPES.merge ? (target) => mergePatch(target, body) : (target) => strategicMerge(target, body, field);
}
