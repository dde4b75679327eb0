import type { ReadView } from '../../../../core/keyspace/types.ts';
import { filterOf } from '../../../../core/resources/filter.ts';
import { badRequest, notFound, StatusError } from '../../../../core/resources/status.ts';
import { getResource, listResources } from '../../../../core/resources/write.ts';
import type { KubeRequest } from '../deps.ts';
import { respondList, respondObject } from '../respond.ts';

export async function getOne(request: KubeRequest): Promise<Response> {
  const { definition, namespace = '', name } = request.target;
  const view = await viewFor(request);
  const found = getResource(view, definition.kind, namespace, name!);
  if (!found) throw notFound(definition, name!);
  return respondObject(request, found);
}

/** `limit` is not honoured, as Kubernetes allows: the whole list is one answer, so there is never a `continue` token. */
export async function list(request: KubeRequest): Promise<Response> {
  const { c, target } = request;
  if (c.req.query('continue'))
    throw new StatusError(
      'Expired',
      'the provided continue parameter is not one of this server, which answers lists in one piece: list again without it',
    );
  const filter = filterOf(target.definition, c.req.query('labelSelector'), c.req.query('fieldSelector'));
  const view = await viewFor(request);
  return respondList(request, listResources(view, target.definition.kind, target.namespace).filter(filter), view.revision);
}

/**
 * The state a read asks for. No resourceVersion: the newest. `0`: whatever is at hand. N: at least as new as N
 * (resourceVersionMatch=Exact: N itself, which only the newest state can serve).
 */
export async function viewFor({ c, keyspace }: Pick<KubeRequest, 'c' | 'keyspace'>): Promise<ReadView> {
  const version = revisionQuery({ c });
  const match = c.req.query('resourceVersionMatch');
  if (match !== undefined && match !== 'NotOlderThan' && match !== 'Exact')
    throw badRequest(
      `resourceVersionMatch: unsupported value "${match.slice(0, 40)}": supported values: "NotOlderThan", "Exact"`,
    );
  if (version === 0) return keyspace.view();
  const view = await keyspace.sync();
  if (version !== undefined && version > view.revision) throw futureVersion(version, view.revision);
  if (match === 'Exact' && version !== view.revision)
    throw new StatusError('Expired', `the state at resourceVersion ${version} is not kept; the current one is ${view.revision}`);
  return view;
}

export function futureVersion(wanted: number, current: number): StatusError {
  return new StatusError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Undefined if absent. */
export function revisionQuery({ c }: Pick<KubeRequest, 'c'>): number | undefined {
  const text = c.req.query('resourceVersion');
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`Invalid value: "${text.slice(0, 40)}": resourceVersion must be one that this server gave`);
  return Number(text);
}
