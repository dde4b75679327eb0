import { budgetAgainst, covers } from '../../../../core/controllers/disruption.ts';
import type { TxnView } from '../../../../core/keyspace/types.ts';
import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import { badRequest, StatusError } from '../../../../core/resources/status.ts';
import { deleteResource, getResource, listResources } from '../../../../core/resources/write.ts';
import { quoted, readObject } from '../body.ts';
import { type KubeRequest, writeContext } from '../deps.ts';
import { transact } from '../dry-run.ts';
import { respondPlain, success } from '../respond.ts';
import { parseDeleteOptions } from '../verbs/delete.ts';
import { requireSameName } from '../verbs/replace.ts';

/** policy/v1 Eviction: a deletion that is refused if a disruption budget does not allow it. */
export async function evict(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { namespace = '', name } = target;
  const body = await readObject(request);
  if (body.kind !== undefined && body.kind !== 'Eviction') throw badRequest(`expected an Eviction, got ${quoted(body.kind)}`);
  if (isObject(body.metadata) && body.metadata.name !== undefined) requireSameName(body.metadata, name!);
  const { options, dryRun } = parseDeleteOptions(request, isObject(body.deleteOptions) ? body.deleteOptions : {});
  const ctx = writeContext(deps);
  const { revision } = await transact(keyspace, dryRun, (txn) => {
    requireBudget(txn, namespace, name!);
    return deleteResource(txn, 'Pod', namespace, name!, options, ctx);
  });
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

/** Throws TooManyRequests, on which clients try again later. */
function requireBudget(txn: TxnView, namespace: string, name: string): void {
  const pod = getResource(txn, 'Pod', namespace, name);
  if (!pod) return;
  const budgets = listResources(txn, 'PodDisruptionBudget', namespace).filter((budget) => covers(budget, pod));
  if (budgets.length === 0) return;
  const sets = new Map(
    listResources(txn, 'ReplicaSet', namespace).map(({ metadata, spec }) => [metadata.uid, spec.replicas ?? 1]),
  );
  const message = budgetAgainst(pod, budgets, listResources(txn, 'Pod', namespace), (uid) => sets.get(uid));
  if (message === undefined) return;
  throw new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message }],
  });
}
