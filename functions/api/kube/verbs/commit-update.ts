import type { TxnView } from '../../../../core/keyspace/types.ts';
import type { AnyResource } from '../../../../core/resources/schema/kinds.ts';
import { getResource, updateResource } from '../../../../core/resources/write.ts';
import { type AuditedWrite, type KubeRequest, writeContext } from '../deps.ts';
import { transact } from '../dry-run.ts';
import { isDryRun } from '../query.ts';
import { respondObject } from '../respond.ts';
import { adviseOn } from '../warnings.ts';

/** Stores what `next` makes of the newest state, and answers with it. `next` runs again if another write came in between. */
export async function commitUpdate(
  request: KubeRequest,
  verb: AuditedWrite['verb'],
  next: (txn: TxnView) => AnyResource,
): Promise<Response> {
  return respondObject(request, await storeUpdate(request, verb, next));
}

/** As commitUpdate, but returns the object. */
export async function storeUpdate(
  request: KubeRequest,
  verb: AuditedWrite['verb'],
  next: (txn: TxnView) => AnyResource,
): Promise<AnyResource> {
  const { c, deps, keyspace, target } = request;
  const { definition, namespace = '', name, subresource } = target;
  const dryRun = isDryRun(request);
  const ctx = writeContext(deps);
  const options = subresource === 'status' ? ({ subresource } as const) : {};
  const { result, revision } = await transact(keyspace, dryRun, (txn) => {
    const before = getResource(txn, definition.kind, namespace, name!);
    const object = updateResource(txn, next(txn), ctx, options);
    return { object, before, changed: object.metadata.resourceVersion !== before?.metadata.resourceVersion };
  });
  if (result.changed) adviseOn(c, definition, result.object, result.before);
  if (dryRun) result.object.metadata.resourceVersion = result.before?.metadata.resourceVersion ?? '';
  else if (result.changed)
    deps.onWrite?.({
      principal: c.var.principal,
      cluster: c.var.cluster,
      verb,
      kind: definition.kind,
      namespace,
      name: name!,
      ...(subresource !== undefined && { subresource }),
      revision,
    });
  return result.object;
}
