import type { LogsRequest } from '../../../../core/node/push.ts';
import type { Pod } from '../../../../core/resources/schema/pod.ts';
import { badRequest, notFound, StatusError } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import type { KubeRequest } from '../deps.ts';
import { booleanQuery, integerQuery } from '../query.ts';
import { reasonOf } from './stream-status.ts';

/** A container's output, as the pod's host has it. */
export async function log(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const { definition, namespace = '', name } = target;
  const pod = getResource(await keyspace.sync(), 'Pod', namespace, name!);
  if (!pod) throw notFound(definition, name!);
  const container = containerOf(pod, c.req.query('container'));
  const { nodeName } = pod.spec;
  if (!nodeName) throw badRequest(`pod ${name} has no output yet: it is not placed on a node ("describe pod ${name}" says why)`);
  const { tenant, id } = c.var.cluster;
  const stream = await deps.relay.request(tenant, id, nodeName, logsRequest(request, container), c.req.raw.signal);
  if (!stream.ok) throw new StatusError(reasonOf(stream.status), stream.message, {}, stream.status);
  return new Response(stream.body, {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  });
}

function containerOf(pod: Pod, asked: string | undefined): string {
  const names = pod.spec.containers.map((container) => container.name);
  const init = (pod.spec.initContainers ?? []).map((container) => container.name);
  const { name } = pod.metadata;
  if (asked) {
    if (names.includes(asked) || init.includes(asked)) return asked;
    throw badRequest(
      `container ${asked.slice(0, 80)} is not valid for pod ${name}: choose one of [${[...init, ...names].join(' ')}]`,
    );
  }
  if (names.length === 1) return names[0]!;
  const list = `[${names.join(' ')}]${init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : ''}`;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: ${list}`);
}

function logsRequest(request: KubeRequest, container: string): LogsRequest {
  const { c, target } = request;
  const sinceTime = c.req.query('sinceTime') || undefined;
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime)))
    throw badRequest('sinceTime must be a time as RFC 3339, such as 2024-01-02T03:04:05Z');
  const tailLines = integerQuery(request, 'tailLines');
  const sinceSeconds = integerQuery(request, 'sinceSeconds', 1);
  const limitBytes = integerQuery(request, 'limitBytes', 1);
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    throw badRequest('at most one of sinceTime and sinceSeconds may be specified');
  return {
    kind: 'logs',
    namespace: target.namespace!,
    pod: target.name!,
    container,
    follow: booleanQuery(request, 'follow'),
    previous: booleanQuery(request, 'previous'),
    timestamps: booleanQuery(request, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(sinceTime !== undefined && { sinceTime }),
    ...(limitBytes !== undefined && { limitBytes }),
  };
}
