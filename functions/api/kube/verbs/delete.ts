import * as z from 'zod';
import { filterOf } from '../../../../core/resources/filter.ts';
import type { AnyResource } from '../../../../core/resources/schema/kinds.ts';
import { badRequest } from '../../../../core/resources/status.ts';
import { type DeleteOptions, deleteResource, getResource, listResources } from '../../../../core/resources/write.ts';
import { readOptionalObject } from '../body.ts';
import { type KubeRequest, writeContext } from '../deps.ts';
import { transact } from '../dry-run.ts';
import { booleanQuery, integerQuery, isDryRun } from '../query.ts';
import { respondList, respondObject, respondPlain, success } from '../respond.ts';

export async function deleteOne(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { definition, namespace = '', name } = target;
  const { options, dryRun } = await readDeleteOptions(request);
  const ctx = writeContext(deps);
  const { result, revision } = await transact(keyspace, dryRun, (txn) =>
    deleteResource(txn, definition.kind, namespace, name!, options, ctx),
  );
  if (!dryRun)
    deps.onWrite?.({
      principal: c.var.principal,
      cluster: c.var.cluster,
      verb: 'delete',
      kind: definition.kind,
      namespace,
      name: name!,
      revision,
    });
  if (!result.removed || definition.kind === 'Pod') return respondObject(request, result.object);
  const { group, plural } = definition;
  return respondPlain(request, success({ name: name!, ...(group && { group }), kind: plural, uid: result.object.metadata.uid }));
}

/** Objects that one transaction of a collection's deletion takes: a transaction has a size. */
const BATCH = 200;

/** Deletes what the selectors select, and answers with the list of it. As in Kubernetes, not in one piece if there is much. */
export async function deleteCollection(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { definition, namespace } = target;
  if (definition.namespaced && namespace === undefined)
    throw badRequest('a collection is deleted in one namespace: DELETE .../namespaces/<name>/...');
  const { options, dryRun } = await readDeleteOptions(request);
  const filter = filterOf(definition, c.req.query('labelSelector'), c.req.query('fieldSelector'));
  const ctx = writeContext(deps);
  const view = await keyspace.sync();
  const selected = listResources(view, definition.kind, namespace).filter(filter);
  const deleted: AnyResource[] = [];
  let last = view.revision;
  for (let start = 0; start < selected.length; start += BATCH) {
    const names = selected.slice(start, start + BATCH).map(({ metadata }) => metadata.name);
    const { result, revision } = await transact(keyspace, dryRun, (txn) =>
      names
        // Someone may have changed or deleted it in the meantime.
        .filter((name) => [getResource(txn, definition.kind, namespace ?? '', name)].some((now) => now && filter(now)))
        .map((name) => deleteResource(txn, definition.kind, namespace ?? '', name, options, ctx).object),
    );
    deleted.push(...result);
    last = revision;
    if (!dryRun && result.length > 0)
      deps.onWrite?.({
        principal: c.var.principal,
        cluster: c.var.cluster,
        verb: 'deletecollection',
        kind: definition.kind,
        namespace: namespace ?? '',
        name: '',
        revision,
      });
  }
  return respondList(request, deleted, last);
}

/** meta/v1 DeleteOptions, as far as they matter here. */
const deleteOptionsSchema = z.object({
  gracePeriodSeconds: z.number().int().nullish(),
  propagationPolicy: z.enum(['Background', 'Foreground', 'Orphan']).nullish(),
  orphanDependents: z.boolean().nullish(),
  preconditions: z.object({ uid: z.string().nullish(), resourceVersion: z.string().nullish() }).nullish(),
  dryRun: z.array(z.literal('All')).nullish(),
});

async function readDeleteOptions(request: KubeRequest): Promise<{ options: DeleteOptions; dryRun: boolean }> {
  return parseDeleteOptions(request, await readOptionalObject(request));
}

/** The body wins over the query parameters of the same names. */
export function parseDeleteOptions(request: KubeRequest, body: unknown): { options: DeleteOptions; dryRun: boolean } {
  const { c } = request;
  const query = {
    gracePeriodSeconds: integerQuery(request, 'gracePeriodSeconds'),
    propagationPolicy: c.req.query('propagationPolicy') || undefined,
    orphanDependents: c.req.query('orphanDependents') === undefined ? undefined : booleanQuery(request, 'orphanDependents'),
  };
  const parsed = deleteOptionsSchema.safeParse({ ...query, ...(body as object) });
  if (!parsed.success) throw badRequest(`DeleteOptions can't be read: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = parsed.data;
  const policy = propagationPolicy ?? (orphanDependents === true ? 'Orphan' : undefined);
  const uid = preconditions?.uid ?? undefined;
  const resourceVersion = preconditions?.resourceVersion ?? undefined;
  return {
    options: {
      ...(gracePeriodSeconds != null && { gracePeriodSeconds: Math.max(0, gracePeriodSeconds) }),
      ...(policy != null && { propagationPolicy: policy }),
      ...((uid ?? resourceVersion) !== undefined && {
        preconditions: { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) },
      }),
    },
    dryRun: (dryRun?.length ?? 0) > 0 || isDryRun(request),
  };
}
