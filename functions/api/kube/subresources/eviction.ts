import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import { badRequest } from '../../../../core/resources/status.ts';
import { deleteResource } from '../../../../core/resources/write.ts';
import { quoted, readObject } from '../body.ts';
import { type KubeRequest, writeContext } from '../deps.ts';
import { transact } from '../dry-run.ts';
import { respondPlain, success } from '../respond.ts';
import { parseDeleteOptions } from '../verbs/delete.ts';
import { requireSameName } from '../verbs/replace.ts';

/** policy/v1 Eviction: a deletion that may be refused. There are no disruption budgets yet, so it never is. */
export async function evict(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { namespace = '', name } = target;
  const body = await readObject(request);
  if (body.kind !== undefined && body.kind !== 'Eviction') throw badRequest(`expected an Eviction, got ${quoted(body.kind)}`);
  if (isObject(body.metadata) && body.metadata.name !== undefined) requireSameName(body.metadata, name!);
  const { options, dryRun } = parseDeleteOptions(request, isObject(body.deleteOptions) ? body.deleteOptions : {});
  const ctx = writeContext(deps);
  const { revision } = await transact(keyspace, dryRun, (txn) => deleteResource(txn, 'Pod', namespace, name!, options, ctx));
  if (!dryRun)
    deps.onWrite?.({
      principal: c.var.principal,
      cluster: c.var.cluster,
      verb: 'create',
      kind: 'Pod',
      namespace,
      name: name!,
      subresource: 'eviction',
      revision,
    });
  return respondPlain(request, success({ name: name! }, 201), 201);
}
