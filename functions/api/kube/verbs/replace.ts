import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import type { AnyResource } from '../../../../core/resources/schema/kinds.ts';
import { badRequest, notFound } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import { contentType, PROTOBUF, quoted, readObject, unsupported } from '../body.ts';
import type { KubeRequest } from '../deps.ts';
import { withoutUnknownFields } from '../field-validation.ts';
import { inNamespace, requireSameKind } from './create.ts';
import { commitUpdate } from './commit-update.ts';

/** PUT of an object or of its status. */
export async function replace(request: KubeRequest): Promise<Response> {
  const { definition, namespace, name, subresource } = request.target;
  // A status in protobuf isn't read: to take it for an empty one would erase what is there.
  if (subresource === 'status' && contentType(request) === PROTOBUF)
    throw unsupported(PROTOBUF, ['application/json', 'application/yaml']);
  const body = await readObject(request);
  requireSameKind(definition, body);
  const object = withoutUnknownFields(request, definition, body);
  object.metadata = inNamespace(object.metadata, namespace);
  requireSameName(object.metadata, name!);
  return commitUpdate(request, 'update', (txn) => {
    if (!getResource(txn, definition.kind, namespace ?? '', name!)) throw notFound(definition, name!);
    return object as unknown as AnyResource;
  });
}

export function requireSameName(metadata: unknown, name: string): void {
  const given = isObject(metadata) ? metadata.name : undefined;
  if (given !== name)
    throw badRequest(`the name of the object (${quoted(given ?? '')}) does not match the name on the URL (${name})`);
}
