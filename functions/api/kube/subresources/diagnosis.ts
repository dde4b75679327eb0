import { notFound, StatusError } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import type { KubeRequest } from '../deps.ts';
import { reasonOf } from './stream-status.ts';

/** What a host finds wrong with its network: `Diagnosis` (core/network/doctor/facts.ts). The host looks while the client waits, a few seconds. */
export async function diagnosis({ c, deps, keyspace, target }: KubeRequest): Promise<Response> {
  const { definition, name } = target;
  if (!getResource(await keyspace.sync(), 'Node', '', name!)) throw notFound(definition, name!);
  const { tenant, id } = c.var.cluster;
  const stream = await deps.relay.request(tenant, id, name!, { kind: 'diagnosis' }, c.req.raw.signal);
  if (!stream.ok) throw new StatusError(reasonOf(stream.status), stream.message, {}, stream.status);
  return new Response(stream.body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } });
}
